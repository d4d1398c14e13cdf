"""This will write the steps that plans share: the target VM, stopped, fitted to its guest, without disks of its own."""

from __future__ import annotations

from jobs.commands.placeholder import DeletePlaceholder, DetachPlaceholder
from jobs.commands.power import SetOsType
from jobs.commands.target import DeployTarget
from jobs.engine.contracts import PlannedStep, result_of
from jobs.models import Phase
from jobs.plans.specification import FailoverSpecification

TARGET = result_of("deploy", "vm_id")
PLACEHOLDER = result_of("deploy", "root_volume_id")


def target_steps(spec: FailoverSpecification, *, after: str, is_test: bool = False) -> list[PlannedStep]:
    """Deploy beside the snapshots: a stopped VM without disks harms nobody, and the two decide how long it takes.

    A live failover sets the OS type where it protects the VM, in one call.
    """
    deploy = DeployTarget(
        vm_name=spec.target_name,
        display_name=spec.display_name,
        zone_id=spec.zone_id,
        service_offering_id=spec.service_offering_id,
        template_id=spec.template_id,
        nics=[{"network_id": nic.network_id, "mac": nic.mac, "ip": nic.ip} for nic in spec.nics],
        details=dict(spec.details),
        boot_type=spec.boot_type,
        boot_mode=spec.boot_mode,
        is_test=is_test,
    )
    detach = DetachPlaceholder(root_volume_id=PLACEHOLDER, target_vm_id=TARGET)
    steps = [PlannedStep("deploy", Phase.CREATING_VM, deploy, after=(after,))]
    if is_test and spec.os_type_id:
        # Before the placeholder goes: it is done at once, and both want the VM for themselves.
        fit = SetOsType(target_vm_id=TARGET, os_type_id=spec.os_type_id, os_type_name=spec.os_type_name)
        steps.append(PlannedStep("fit-os-type", Phase.CREATING_VM, fit, after=("deploy",)))
    return [
        *steps,
        PlannedStep("detach-placeholder", Phase.CREATING_VM, detach, after=("deploy",)),
        PlannedStep(
            "delete-placeholder",
            Phase.CREATING_VM,
            DeletePlaceholder(root_volume_id=PLACEHOLDER),
            after=("detach-placeholder",),
        ),
    ]


def target_is_ready(spec: FailoverSpecification, *, is_test: bool = False) -> tuple[str, ...]:
    """Give the keys of the steps after which disks may be attached to the target."""
    return ("delete-placeholder", "fit-os-type") if is_test and spec.os_type_id else ("delete-placeholder",)
