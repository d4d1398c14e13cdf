"""This will prove where NICs land, and that nothing lands where it must not."""

from __future__ import annotations

import pytest

from networks.errors import MappingMissing, NetworkForbidden, SourceNetworkUnknown
from networks.models import Purpose
from networks.placement import place_nics
from tests.networks.rows import PRODUCTION, SECOND_PRODUCTION, TEST_NETWORK, mapped, protected_vm

pytestmark = pytest.mark.django_db


def test_every_nic_lands_on_its_mapped_network_in_nic_order() -> None:
    vm = protected_vm(networks=("VM Network", "Backup"))
    mapped(vm, "Backup", to=SECOND_PRODUCTION)
    mapped(vm, "VM Network", to=PRODUCTION)

    placed = place_nics(vm=vm, purpose=Purpose.LIVE, overrides={})

    assert [(nic.position, nic.network_id) for nic in placed] == [(0, PRODUCTION), (1, SECOND_PRODUCTION)]


def test_a_missing_test_mapping_is_refused_and_never_falls_back_to_the_live_one() -> None:
    vm = protected_vm(networks=("VM Network", "Backup"))
    mapped(vm, "VM Network", to=PRODUCTION)
    mapped(vm, "Backup", to=SECOND_PRODUCTION)

    with pytest.raises(MappingMissing) as refused:
        place_nics(vm=vm, purpose=Purpose.TEST, overrides={})

    assert refused.value.networks == ["VM Network", "Backup"]


def test_an_override_cannot_put_a_test_on_a_production_network() -> None:
    vm = protected_vm()
    mapped(vm, to=PRODUCTION)
    mapped(vm, to=TEST_NETWORK, test=True)

    for spelling in (PRODUCTION, PRODUCTION.upper()):
        with pytest.raises(NetworkForbidden, match="live mappings"):
            place_nics(vm=vm, purpose=Purpose.TEST, overrides={"VM Network": spelling})


def test_an_override_of_a_test_needs_a_network_that_is_known_as_a_test_network() -> None:
    vm = protected_vm()
    mapped(vm, to=TEST_NETWORK, test=True)

    with pytest.raises(NetworkForbidden, match="not known as a test network"):
        place_nics(vm=vm, purpose=Purpose.TEST, overrides={"VM Network": SECOND_PRODUCTION})


def test_an_override_cannot_put_a_live_vm_on_a_test_network() -> None:
    vm = protected_vm()
    mapped(vm, to=PRODUCTION)
    mapped(vm, to=TEST_NETWORK, test=True)

    with pytest.raises(NetworkForbidden, match="is a test network"):
        place_nics(vm=vm, purpose=Purpose.LIVE, overrides={"VM Network": TEST_NETWORK})


def test_a_network_that_only_another_vm_uses_live_is_no_test_network_either() -> None:
    vm = protected_vm()
    other = protected_vm(vm.appliance, vm_id="other", name="OTHER")
    mapped(other, to=PRODUCTION)

    with pytest.raises(NetworkForbidden):
        place_nics(vm=vm, purpose=Purpose.TEST, overrides={"VM Network": PRODUCTION})


def test_an_override_stands_in_for_a_mapping_of_a_live_failover() -> None:
    vm = protected_vm()

    placed = place_nics(vm=vm, purpose=Purpose.LIVE, overrides={"VM Network": SECOND_PRODUCTION})

    assert placed[0].network_id == SECOND_PRODUCTION
    assert placed[0].mac is None


def test_an_override_of_a_network_that_the_vm_lacks_is_refused() -> None:
    vm = protected_vm()
    mapped(vm)

    with pytest.raises(SourceNetworkUnknown, match="'VM Netwrok'"):
        place_nics(vm=vm, purpose=Purpose.LIVE, overrides={"VM Netwrok": PRODUCTION})


def test_a_mapping_with_a_mac_is_for_that_nic_only() -> None:
    vm = protected_vm(networks=("VM Network", "VM Network"))
    second = vm.nics.get(position=1)
    mapped(vm, to=PRODUCTION)
    mapped(vm, to=SECOND_PRODUCTION, mac=second.mac)

    placed = place_nics(vm=vm, purpose=Purpose.LIVE, overrides={})

    assert [nic.network_id for nic in placed] == [PRODUCTION, SECOND_PRODUCTION]


def test_mac_and_address_are_kept_where_the_mapping_says_so_and_the_address_only_on_its_own_network() -> None:
    vm = protected_vm()
    mapping = mapped(vm, to=PRODUCTION)
    mapping.keep_mac, mapping.fixed_ip = True, "10.1.1.20"
    mapping.save()

    (kept,) = place_nics(vm=vm, purpose=Purpose.LIVE, overrides={})
    (moved,) = place_nics(vm=vm, purpose=Purpose.LIVE, overrides={"VM Network": SECOND_PRODUCTION})

    assert (kept.mac, kept.ip) == (vm.nics.get().mac, "10.1.1.20")
    assert (moved.mac, moved.ip) == (vm.nics.get().mac, None)
