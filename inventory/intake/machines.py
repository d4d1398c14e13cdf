"""This will bring the rows of one protected VM, its disks, NICs, replications and replicas to what a document says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from inventory.intake.places import Places
from inventory.intake.replicas import bring_replicas
from inventory.intake.reports import DocumentPath, ImportReport
from inventory.intake.rows import bring, instant
from inventory.models import PowerState, ProtectedVM, Replication, ReservationKind, VMDisk, VMNic
from inventory.reservations import holder_of

CHILDREN = ("disks", "nics", "replications")
FROZEN_FIELDS = ("cloud", "appliance")


def bring_vm(
    document: Mapping[str, Any], *, path: DocumentPath, places: Places, now: datetime, report: ImportReport
) -> None:
    """This will create or change one VM with all that belongs to it, or enter in the report why not.

    While a failover holds the VM its disks, replicas and appliance stay as they are; the progress of syncs is taken.
    """
    place = places.appliance_of(document, path=path, report=report)
    if place is None:
        return
    # The lock keeps a failover from reserving the VM between the look at its reservation and our commit.
    vm = ProtectedVM.objects.select_for_update().filter(vm_id=document["vm_id"]).first()
    is_created = vm is None
    vm = vm or ProtectedVM(vm_id=document["vm_id"])
    differing = bring(vm, {**_own_fields(document), "cloud": place.cloud, "appliance": place})
    vm.appliance = place  # By its key it is; as an object it would be read again.
    frozen = [(name, (*path, name)) for name in FROZEN_FIELDS if name in differing]

    # A VM that was just made has nothing yet: what is not there need not be read.
    known = [] if is_created else list(vm.disks.all())
    disks, touched = _bring_disks(vm, document["disks"], known)
    is_changed = _bring_nics(vm, document["nics"], known=[] if is_created else list(vm.nics.all()))
    is_changed |= _bring_replications(vm, document.get("replications", []), path=path, report=report)
    replicas = bring_replicas(
        vm=vm, is_new=is_created, disks=disks, documents=document["disks"], path=path, now=now, report=report
    )
    gone = {disk.position for disk in known} - disks.keys()
    if gone:
        _drop_disks(vm, gone, path=path, report=report)

    frozen += [(f"disk {position}", (*path, "disks")) for position in sorted(touched | gone)]
    frozen += [(what, (*path, "disks")) for what in replicas.identity_changes]
    if frozen and not is_created:
        _refuse_frozen(vm, frozen, report=report)
    is_changed |= bool(differing) or bool(touched | gone) or replicas.is_changed
    report.count(f"vm {vm.name} ({vm.vm_id})", is_created=is_created, is_changed=is_changed)


def _own_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in document.items() if key not in CHILDREN}
    # The choices of the target are left out here: they may have been made in the admin, so silence keeps them.
    defaults = {"power_state": PowerState.UNKNOWN, "secure_boot": False}
    return {**defaults, **own}


def _bring_disks(
    vm: ProtectedVM, documents: list[Mapping[str, Any]], known: list[VMDisk]
) -> tuple[dict[int, VMDisk], set[int]]:
    """This will give the disks that the document names, by position, and the positions that were made or changed."""
    present = {disk.position: disk for disk in known}
    disks: dict[int, VMDisk] = {}
    touched: set[int] = set()
    for document in documents:
        position = document["position"]
        disk = present.get(position) or VMDisk(vm=vm, position=position)
        wanted = {"label": document.get("label", ""), **{key: document[key] for key in ("size_bytes", "controller")}}
        if bring(disk, wanted):
            touched.add(position)
        disks[position] = disk
    return disks, touched


def _drop_disks(vm: ProtectedVM, positions: set[int], *, path: DocumentPath, report: ImportReport) -> None:
    """This will delete the disks that the document no longer names."""
    for disk in vm.disks.select_related("replica").filter(position__in=positions):
        if hasattr(disk, "replica"):
            volume = disk.replica.volume_id
            reason = (
                f"disk {disk.position} is gone but its replica {volume} is not: "
                "say `replica: null` for that disk first, so that no replica is forgotten by accident"
            )
            report.refuse((*path, "disks"), reason)
        else:
            disk.delete()


def _bring_nics(vm: ProtectedVM, documents: list[Mapping[str, Any]], *, known: list[VMNic]) -> bool:
    left = {nic.position: nic for nic in known}
    is_changed = False
    for document in documents:
        position = document["position"]
        nic = left.pop(position, None) or VMNic(vm=vm, position=position)
        mac = document["mac"].lower().replace("-", ":")
        addresses = document.get("addresses", [])
        is_changed |= bool(bring(nic, {**document, "mac": mac, "addresses": addresses}))
    for gone in left.values():
        gone.delete()
    return is_changed or bool(left)


def _bring_replications(
    vm: ProtectedVM, documents: list[Mapping[str, Any]], *, path: DocumentPath, report: ImportReport
) -> bool:
    # Runs that the document does not name stay: they are history, and they may prove a full resync.
    is_changed = False
    for index, document in enumerate(documents):
        run = Replication.objects.filter(replication_id=document["replication_id"]).first()
        if run is not None and run.vm_id != vm.pk:
            reason = "is a replication of another VM already"
            report.refuse((*path, "replications", index, "replication_id"), reason)
            continue
        times = {key: instant(document.get(key)) for key in ("started_at", "finished_at", "last_word_at")}
        wanted = {"percentage": 0.0, "message": "", **document, **times}
        is_changed |= bool(bring(run or Replication(vm=vm), wanted))
    return is_changed


def _refuse_frozen(vm: ProtectedVM, frozen: list[tuple[str, DocumentPath]], *, report: ImportReport) -> None:
    holder = holder_of(vm)
    if holder is None or holder.kind != ReservationKind.FAILOVER:
        return
    for what, place in frozen:
        reason = f"{what} cannot change while failover {holder.reference} works on {vm.name}: wait for it to end"
        report.refuse(place, reason, busy=True)
