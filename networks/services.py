"""This will create, replace and delete the network mappings of a VM; every door calls these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from inventory.models import ProtectedVM, ReservationKind
from inventory.reservations import holder_of
from networks.designations import forget_unused
from networks.errors import MappingExists, MappingNamedTwice, MappingNotFound, MappingsInUse
from networks.models import NetworkMapping, Purpose


@dataclass(frozen=True)
class MappingWish:
    """This will say what one mapping shall be; a blank `source_mac` means every NIC of the source network."""

    source_network_name: str
    destination_network_id: str
    destination_network_name: str = ""
    is_test_network: bool = False
    source_mac: str = ""
    keep_mac: bool = False
    fixed_ip: str | None = None

    @property
    def purpose(self) -> Purpose:
        """Give the purpose that the mapping shall serve."""
        return Purpose.TEST if self.is_test_network else Purpose.LIVE

    @property
    def key(self) -> tuple[str, bool, str]:
        """Give what makes the mapping unique among those of its VM."""
        return (self.source_network_name, self.is_test_network, self.source_mac)


@transaction.atomic
def create_mapping(*, vm: ProtectedVM, wish: MappingWish) -> NetworkMapping:
    """Make one mapping; raises MappingExists, NetworkForbidden, MappingsInUse."""
    _refuse_while_held(vm)
    try:
        with transaction.atomic():
            return _insert(vm=vm, wish=wish)
    except IntegrityError:
        # The insert decides, by the unique key: two that look first would both see a free place.
        raise MappingExists(
            vm_id=vm.vm_id, source_network_name=wish.source_network_name, purpose=wish.purpose.value
        ) from None


@transaction.atomic
def replace_mappings(*, vm: ProtectedVM, wishes: Sequence[MappingWish]) -> list[NetworkMapping]:
    """Replace the set of each purpose that `wishes` names and leave the other purpose alone; all or nothing.

    Raises MappingNamedTwice when two wishes collide, NetworkForbidden, MappingsInUse.
    """
    _refuse_twice(wishes)
    _refuse_while_held(vm)
    purposes = {wish.is_test_network for wish in wishes}
    vm.network_mappings.filter(is_test_network__in=purposes).delete()
    # Before the inserts: a network may change its purpose within one replacement.
    forget_unused()
    return [_insert(vm=vm, wish=wish) for wish in wishes]


@transaction.atomic
def delete_mappings(*, vm: ProtectedVM, source_network_name: str | None = None) -> int:
    """Delete all mappings of the VM, or those of one source network; raises MappingNotFound, MappingsInUse."""
    _refuse_while_held(vm)
    chosen = vm.network_mappings.all()
    if source_network_name is not None:
        chosen = chosen.filter(source_network_name=source_network_name)
    deleted, _ = chosen.delete()
    if source_network_name is not None and deleted == 0:
        raise MappingNotFound(vm_id=vm.vm_id, source_network_name=source_network_name)
    forget_unused()
    return deleted


def _insert(*, vm: ProtectedVM, wish: MappingWish) -> NetworkMapping:
    return NetworkMapping.objects.create(
        vm=vm,
        source_network_name=wish.source_network_name,
        source_mac=wish.source_mac,
        destination_network_id=wish.destination_network_id,
        destination_network_name=wish.destination_network_name,
        is_test_network=wish.is_test_network,
        keep_mac=wish.keep_mac,
        fixed_ip=wish.fixed_ip,
    )


def _refuse_while_held(vm: ProtectedVM) -> None:
    holder = holder_of(vm)
    if holder is not None and holder.kind == ReservationKind.FAILOVER:
        raise MappingsInUse(vm_id=vm.vm_id, reference=holder.reference)


def _refuse_twice(wishes: Iterable[MappingWish]) -> None:
    seen: set[tuple[str, bool, str]] = set()
    for wish in wishes:
        if wish.key in seen:
            raise MappingNamedTwice(
                source_network_name=wish.source_network_name, purpose=wish.purpose.value, source_mac=wish.source_mac
            )
        seen.add(wish.key)
