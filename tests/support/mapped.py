"""This will map the VMs of an inventory, for live and for test, to networks of the served cloud."""

from __future__ import annotations

from collections.abc import Iterable

from cloudstack_simulator import Simulator
from inventory.models import ProtectedVM, VMNic
from networks.models import NetworkMapping
from tests.conftest import LIVE_NETWORKS, network_ids


def map_both(vms: Iterable[ProtectedVM], simulator: Simulator) -> None:
    """Map every source network of the VMs to its production network and to the network for tests."""
    ids = network_ids(simulator)
    for vm in vms:
        for source in vm.nics.values_list("network_name", flat=True).distinct():
            for name, is_test in ((LIVE_NETWORKS[source], False), ("OSSEA-TEST-L2", True)):
                NetworkMapping.objects.create(
                    vm=vm, source_network_name=source, destination_network_id=ids[name], is_test_network=is_test
                )


def spoil(vm_id: str) -> None:
    """Give a VM a MAC that no door lets in, and that validation can't read: an error that nobody foresaw."""
    VMNic.objects.filter(vm__vm_id=vm_id).update(mac="zz:00:00:00:00:01")
    NetworkMapping.objects.filter(vm__vm_id=vm_id).update(keep_mac=True)
