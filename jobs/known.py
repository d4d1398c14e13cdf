"""This will read what the inventory knows of the things a job works on, by statements that are compiled once."""

from __future__ import annotations

from django.core.exceptions import ObjectDoesNotExist

from database.statements import M, Prepared
from inventory.models import Appliance, ProtectedVM, ReplicaVolume, TargetCloud

_VM = Prepared(lambda pk: ProtectedVM.objects.filter(pk=pk).order_by())
_CLOUD = Prepared(lambda pk: TargetCloud.objects.filter(pk=pk).order_by())
_CLOUDS = Prepared(lambda: TargetCloud.objects.order_by("pk"))
_APPLIANCE = Prepared(lambda pk: Appliance.objects.filter(pk=pk).order_by())
_LIMITED = Prepared(
    lambda cloud_id: (
        Appliance.objects.filter(cloud_id=cloud_id, most_running__isnull=False).order_by().values_list("pk")[:1]
    )
)
_REPLICA = Prepared(
    lambda volume_id: ReplicaVolume.objects.filter(volume_id=volume_id).order_by().values_list("pk")[:1],
    texts=frozenset({"volume_id"}),
)
_APPLIANCE_VM = Prepared(
    lambda vm_id: Appliance.objects.filter(virtual_machine_id=vm_id).order_by().values_list("pk")[:1],
    texts=frozenset({"vm_id"}),
)


def vm_of(pk: int) -> ProtectedVM:
    """Give a protected VM, without its cloud and appliance; raises ObjectDoesNotExist."""
    return _found(_VM.row(pk=pk))


def cloud_of(pk: int) -> TargetCloud:
    """Give a target cloud; raises ObjectDoesNotExist."""
    return _found(_CLOUD.row(pk=pk))


def cloud_at(endpoint: str) -> TargetCloud:
    """Give a target cloud by its uuid; raises ObjectDoesNotExist."""
    return _found(next((cloud for cloud in _CLOUDS.rows() if str(cloud.uuid) == endpoint), None))


def appliance_of(pk: int) -> Appliance:
    """Give an appliance; raises ObjectDoesNotExist."""
    return _found(_APPLIANCE.row(pk=pk))


def has_limited_appliance(cloud: TargetCloud) -> bool:
    """Say whether an appliance of the cloud has a limit of its own."""
    return bool(_LIMITED.values(cloud_id=cloud.pk))


def is_replica(volume_id: str) -> bool:
    """Say whether the inventory knows the volume as a replica."""
    return bool(_REPLICA.values(volume_id=volume_id))


def is_appliance(vm_id: str) -> bool:
    """Say whether the inventory knows the VM of this id in the cloud as an appliance."""
    return bool(_APPLIANCE_VM.values(vm_id=vm_id))


def _found(row: M | None) -> M:
    if row is None:
        raise ObjectDoesNotExist
    return row
