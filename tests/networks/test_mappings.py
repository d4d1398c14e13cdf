"""This will prove what the verbs of network mappings keep and refuse."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from inventory.models import ReservationKind
from inventory.reservations import reserve
from networks.errors import MappingExists, MappingNotFound, MappingsInUse, NetworkForbidden
from networks.models import NetworkDesignation, NetworkMapping
from networks.services import MappingWish, create_mapping, delete_mappings, replace_mappings
from tests.networks.rows import PRODUCTION, SECOND_PRODUCTION, TEST_NETWORK, mapped, protected_vm

pytestmark = pytest.mark.django_db


def _wish(to: str, *, test: bool = False, source: str = "VM Network") -> MappingWish:
    return MappingWish(source_network_name=source, destination_network_id=to, is_test_network=test)


def test_a_network_of_a_live_mapping_is_never_accepted_for_a_test() -> None:
    vm = protected_vm()
    create_mapping(vm=vm, wish=_wish(PRODUCTION))

    with pytest.raises(NetworkForbidden):
        create_mapping(vm=vm, wish=_wish(PRODUCTION.upper(), test=True))

    assert NetworkMapping.objects.filter(is_test_network=True).count() == 0


def test_a_test_network_is_never_accepted_for_a_live_mapping() -> None:
    vm = protected_vm()
    create_mapping(vm=vm, wish=_wish(TEST_NETWORK, test=True))

    with pytest.raises(NetworkForbidden):
        create_mapping(vm=vm, wish=_wish(TEST_NETWORK))


def test_the_database_itself_knows_one_purpose_per_network() -> None:
    NetworkDesignation.objects.create(network_id=PRODUCTION, is_test_network=False)

    with pytest.raises(IntegrityError), transaction.atomic():
        NetworkDesignation.objects.create(network_id=PRODUCTION, is_test_network=True)


def test_a_network_is_free_for_either_purpose_once_no_mapping_names_it() -> None:
    vm = protected_vm()
    create_mapping(vm=vm, wish=_wish(PRODUCTION))
    delete_mappings(vm=vm)

    mapping = create_mapping(vm=vm, wish=_wish(PRODUCTION, test=True))

    assert mapping.is_test_network


def test_a_second_mapping_of_the_same_source_and_purpose_is_refused() -> None:
    vm = protected_vm()
    create_mapping(vm=vm, wish=_wish(PRODUCTION))

    with pytest.raises(MappingExists):
        create_mapping(vm=vm, wish=_wish(SECOND_PRODUCTION))

    assert [mapping.destination_network_id for mapping in vm.network_mappings.all()] == [PRODUCTION]


def test_a_replacement_leaves_the_other_purpose_alone() -> None:
    vm = protected_vm(networks=("VM Network", "Backup"))
    mapped(vm, to=PRODUCTION)
    mapped(vm, "Backup", to=PRODUCTION)
    mapped(vm, to=TEST_NETWORK, test=True)

    replace_mappings(vm=vm, wishes=[_wish(SECOND_PRODUCTION)])

    left = {(mapping.destination_network_id, mapping.is_test_network) for mapping in vm.network_mappings.all()}
    assert left == {(SECOND_PRODUCTION, False), (TEST_NETWORK, True)}


def test_a_refused_replacement_changes_nothing() -> None:
    vm = protected_vm()
    mapped(vm, to=PRODUCTION)
    mapped(vm, to=TEST_NETWORK, test=True)

    with pytest.raises(NetworkForbidden):
        replace_mappings(vm=vm, wishes=[_wish(SECOND_PRODUCTION), _wish(TEST_NETWORK, source="Backup")])

    assert vm.network_mappings.get(is_test_network=False).destination_network_id == PRODUCTION


def test_mappings_stand_still_while_a_failover_holds_the_vm() -> None:
    vm = protected_vm()
    mapped(vm, to=PRODUCTION)
    reserve(vm=vm, kind=ReservationKind.FAILOVER, reference="live-failover-1", now=datetime.now(tz=UTC))

    for change in (
        lambda: create_mapping(vm=vm, wish=_wish(TEST_NETWORK, test=True)),
        lambda: replace_mappings(vm=vm, wishes=[_wish(SECOND_PRODUCTION)]),
        lambda: delete_mappings(vm=vm),
    ):
        with pytest.raises(MappingsInUse, match="live-failover-1"):
            change()

    assert vm.network_mappings.get().destination_network_id == PRODUCTION


def test_mappings_may_change_while_a_replication_holds_the_vm() -> None:
    vm = protected_vm()
    reserve(vm=vm, kind=ReservationKind.REPLICATION, reference="job-7", now=datetime.now(tz=UTC))

    create_mapping(vm=vm, wish=_wish(PRODUCTION))

    assert vm.network_mappings.count() == 1


def test_one_source_network_is_deleted_alone_and_must_exist() -> None:
    vm = protected_vm()
    mapped(vm, "VM Network", to=PRODUCTION)
    mapped(vm, "Backup", to=SECOND_PRODUCTION)

    assert delete_mappings(vm=vm, source_network_name="Backup") == 1
    with pytest.raises(MappingNotFound):
        delete_mappings(vm=vm, source_network_name="Backup")

    assert [mapping.source_network_name for mapping in vm.network_mappings.all()] == ["VM Network"]
