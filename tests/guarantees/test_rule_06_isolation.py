"""Rule 6: a test touches networks that are known as test networks, and nothing else."""

from __future__ import annotations

import pytest

from jobs.models import FailoverJob
from networks.models import NetworkMapping
from tests.support.inventory_of import VM_NETWORK
from tests.support.scenes import LIVE_NETWORKS, scene
from validation.errors import NotReady

pytestmark = pytest.mark.django_db


def _live_network() -> str:
    mapping = NetworkMapping.objects.filter(destination_network_name=LIVE_NETWORKS[VM_NETWORK]).first()
    assert mapping is not None
    return mapping.destination_network_id


def test_a_vm_without_test_mapping_is_not_tested_on_its_live_network() -> None:
    stage = scene()
    NetworkMapping.objects.filter(vm__vm_id="vm-one", is_test_network=True).delete()

    with pytest.raises(NotReady):
        stage.service.start_test("vm-one")

    assert not FailoverJob.objects.exists()
    assert stage.simulator.calls.mutating() == []


@pytest.mark.parametrize("skip_validation", [False, True])
def test_an_override_cannot_put_a_test_on_a_live_network(skip_validation: bool) -> None:
    stage = scene()

    with pytest.raises(NotReady):
        stage.service.start_test(
            "vm-one", network_mappings={VM_NETWORK: _live_network()}, skip_validation=skip_validation
        )

    assert not FailoverJob.objects.exists()


def test_a_test_vm_has_only_nics_on_test_networks() -> None:
    stage = scene()
    job = stage.service.start_test("vm-three")
    stage.service.run()

    job.refresh_from_db()
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None
    allowed = set(NetworkMapping.objects.filter(is_test_network=True).values_list("destination_network_id", flat=True))
    assert len(target.nics) == 2
    assert {nic.network_id for nic in target.nics} <= allowed
