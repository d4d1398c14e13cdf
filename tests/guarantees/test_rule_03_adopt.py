"""Rule 3: what exists under our name is adopted after a comparison; a second one is never made beside it."""

from __future__ import annotations

import json

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs.models import Outcome
from jobs.plans.specification import FailoverSpecification
from tests.support.ends_of_tests import assert_in_window
from tests.support.first_everywhere import first_everywhere
from tests.support.scenes import scene
from tests.support.service import describe
from tests.support.telling import carry_on, count_of
from tests.support.worlds import assert_never_harmed, remember

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@pytest.mark.parametrize("command", ["createSnapshot", "deployVirtualMachine", "createVolume"])
@pytest.mark.parametrize("kind", first_everywhere(["lost_answer", "restart", "late"]))
def test_a_create_whose_answer_is_lost_makes_no_second_thing(command: str, kind: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault(command, kind, seconds=20.0 if kind == "late" else 0.0))  # type: ignore[arg-type]
    job = stage.service.start_test("vm-one")

    carry_on(stage)

    # One VM, one copy and one snapshot, all that a test of one disk needs.
    assert_in_window(stage, job, before)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["createSnapshot", "deployVirtualMachine", "createVolume"])
def test_a_process_that_dies_after_a_create_leaves_what_the_next_one_adopts(command: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.service.kill_at(command, moment="after")
    job = stage.service.start_test("vm-one")

    carry_on(stage)

    assert_in_window(stage, job, before)
    assert count_of(stage, command) == 1


def test_a_strangers_vm_of_the_targets_name_is_neither_used_nor_removed() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-one")
    spec = FailoverSpecification.from_json(job.specification)
    networks = json.loads(stage.simulator.call("listNetworks").body)["listnetworksresponse"]["network"]
    elsewhere = next(row["id"] for row in networks if row["id"] not in {nic.network_id for nic in spec.nics})
    stranger = json.loads(
        stage.simulator.call(
            "deployVirtualMachine",
            name=spec.target_name,
            zoneid=spec.zone_id,
            serviceofferingid=spec.service_offering_id,
            templateid=spec.template_id,
            networkids=elsewhere,
            startvm="false",
            **{f"details[0].{name}": value for name, value in spec.details.items()},
        ).body
    )["deployvirtualmachineresponse"]["id"]

    stage.service.run(at_each_step=lambda: assert_never_harmed(stage.simulator))

    job.refresh_from_db()
    assert job.outcome == Outcome.FAILED, describe(job)
    assert "is not as this job would make it" in job.error_message
    vm = stage.simulator.vm(stranger)
    assert vm is not None and vm.delete_protection is not True, "the stranger's VM was touched"
    assert {volume.id: volume.vm_id for volume in stage.simulator.volumes() if volume.replica} == {
        volume_id: place[0] for volume_id, place in before.places.items()
    }
