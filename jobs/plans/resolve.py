"""This will freeze the specification of a failover from the facts that validation has just read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from cloudstack import OsType
from inventory.models import ProtectedVM
from jobs.plans.hardware import guest_hardware
from jobs.plans.specification import (
    DiskSpecification,
    FailoverSpecification,
    NicSpecification,
    Strategy,
    device_ids,
)
from validation.facts import Facts

_NOT_IN_HOSTNAMES = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 63


class Unresolvable(Exception):
    """A fact that the plan needs is missing; validation should have found it first."""

    error_code = "VALIDATION_FAILED"
    message = "The failover cannot be planned"


def specify(
    *,
    facts: Facts,
    job_id: str,
    marker: str,
    os_type: OsType | None,
    strategy: Strategy,
    cpu_factor: float = 1.0,
    memory_factor: float = 1.0,
) -> FailoverSpecification:
    """Give the whole specification; raises Unresolvable."""
    vm = facts.vm
    hardware = guest_hardware(vm, disks=[facts.disk for facts in facts.disks], nics=facts.nics)
    offering = facts.cloud.offering
    if offering is None:
        raise Unresolvable("The service offering is not known.")
    is_live = strategy == Strategy.LIVE
    display_name = vm.name.replace("~", "-")
    details = dict(hardware.details)
    if offering.is_customized:
        details |= _size(vm, offering_has_speed=bool(offering.cpu_speed), cpu=cpu_factor, memory=memory_factor)
    return FailoverSpecification(
        job_id=job_id,
        marker=marker,
        vm_id=vm.vm_id,
        appliance_vm_id=facts.appliance.virtual_machine_id,
        zone_id=facts.cloud_row.zone_id,
        service_offering_id=offering.id,
        template_id=facts.cloud_row.placeholder_template_id,
        target_name=target_name(vm.name if is_live else f"{vm.name}-test", marker),
        display_name=display_name if is_live else f"{display_name} (test)",
        details=details,
        boot_type=hardware.boot_type,
        boot_mode=hardware.boot_mode,
        os_type_id=os_type.id if os_type is not None else "",
        os_type_name=os_type.description if os_type is not None else "",
        disks=_disks(facts),
        nics=tuple(
            NicSpecification(
                network_id=place.network_id, mac=place.mac, ip=place.ip, source_network=place.source_network_name
            )
            for place in facts.placements
        ),
        strategy=strategy,
    )


def target_name(vm_name: str, marker: str) -> str:
    """Give the host name of the target VM: the source's name as CloudStack allows it, and the job's marker."""
    base = _NOT_IN_HOSTNAMES.sub("-", vm_name.lower()).strip("-") or "vm"
    if base[0].isdigit():
        base = f"vm-{base}"
    return f"{base[: _LONGEST_NAME - len(marker) - 1].rstrip('-')}-{marker}"


def by_words(os_types: Iterable[OsType]) -> Mapping[str, OsType]:
    """Give a cloud's OS types in the form in which `os_type_of` finds them; there are several hundred."""
    return {_words(os_type.description): os_type for os_type in os_types}


def os_type_of(vm: ProtectedVM, known: Mapping[str, OsType]) -> OsType | None:
    """Find CloudStack's OS type for the source's guest: by override, by the same words, by words without the maker."""
    for text in (vm.target_os_type, vm.guest_os, vm.guest_os.removeprefix("Microsoft ")):
        found = known.get(_words(text))
        if text and found is not None:
            return found
    return None


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9.]+", text.lower()))


def _size(vm: ProtectedVM, *, offering_has_speed: bool, cpu: float, memory: float) -> dict[str, Any]:
    """Size a customised offering from the source; overcommit factors shrink what the target gets."""
    size = {"cpuNumber": str(max(1, round(vm.cpus / cpu))), "memory": str(max(128, round(vm.memory_mb / memory)))}
    # Only an unconstrained offering leaves the speed open; a constrained one refuses to be told.
    return size if offering_has_speed else size | {"cpuSpeed": "1000"}


def _disks(facts: Facts) -> tuple[DiskSpecification, ...]:
    targets = device_ids(len(facts.disks))
    return tuple(
        _disk(facts, position=position, target_device_id=target)
        for position, target in zip(range(len(facts.disks)), targets, strict=True)
    )


def _disk(facts: Facts, *, position: int, target_device_id: int) -> DiskSpecification:
    disk = facts.disks[position]
    if disk.replica is None:
        raise Unresolvable(f"{disk.label} has no replica volume.")
    volume = facts.cloud.volumes.get(disk.replica.volume_id)
    if volume is None or volume.device_id is None:
        raise Unresolvable(f"The replica of {disk.label} does not hang on the appliance.")
    return DiskSpecification(
        position=position,
        label=f"{disk.label} ({volume.name})",
        volume_id=volume.id,
        size_bytes=disk.disk.size_bytes,
        change_id=disk.replica.change_id,
        appliance_device_id=volume.device_id,
        target_device_id=target_device_id,
    )
