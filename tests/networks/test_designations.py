"""What a target network is for is kept apart from the mappings that come and go."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from inventory.models import ProtectedVM
from networks.designations import purpose_is_test, unpin
from networks.errors import NetworkForbidden
from networks.models import NetworkMapping
from tests.support.inventory_of import VM_NETWORK, ScenarioInventory

pytestmark = pytest.mark.django_db

NETWORK = "d1e2f3a4-0009-4000-8000-00000000000a"


def _map(vm: ProtectedVM, *, is_test: bool) -> NetworkMapping:
    return NetworkMapping.objects.create(
        vm=vm, source_network_name=VM_NETWORK, destination_network_id=NETWORK, is_test_network=is_test
    )


def test_a_pinned_test_network_is_never_taken_for_a_live_mapping(world_rows: ScenarioInventory) -> None:
    call_command("designate_network", NETWORK, "test")

    with pytest.raises(NetworkForbidden):
        _map(world_rows.vms["one"], is_test=False)


def test_a_pin_outlives_the_mappings_and_ends_when_it_is_lifted(world_rows: ScenarioInventory) -> None:
    call_command("designate_network", NETWORK.upper(), "test")
    _map(world_rows.vms["one"], is_test=True).delete()
    assert purpose_is_test(network_id=NETWORK) is True

    assert unpin(network_id=NETWORK)

    assert purpose_is_test(network_id=NETWORK) is None


def test_a_network_in_use_cannot_be_pinned_for_the_other_purpose(world_rows: ScenarioInventory) -> None:
    _map(world_rows.vms["one"], is_test=True)

    with pytest.raises(CommandError, match="test network"):
        call_command("designate_network", NETWORK, "live")

    assert purpose_is_test(network_id=NETWORK) is True
