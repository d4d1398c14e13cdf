"""This will look at asynchronous jobs: their time, their queues, their ids, and what a restart does to them."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from tests.simulator.driving import OTHER_REPLICA, REPLICA, Operator, fresh


def test_a_job_takes_the_scenarios_time_from_its_start() -> None:
    operator = Operator(job_seconds=7.0)
    began = operator.clock.now()

    operator.done("detachVolume", id=REPLICA)

    assert operator.clock.now() - began == pytest.approx(7.0)


def test_jobs_on_one_vm_run_one_after_the_other() -> None:
    operator = Operator()
    first = operator.submit("detachVolume", id=REPLICA)
    second = operator.submit("detachVolume", id=OTHER_REPLICA)

    operator.clock.advance(1.0)
    assert [operator.outcome(job)["jobstatus"] for job in (first, second)] == [1, 0]
    operator.clock.advance(1.0)

    assert operator.outcome(second)["jobstatus"] == 1


def test_snapshots_of_detached_volumes_run_side_by_side() -> None:
    operator = Operator()
    for volume_id in (REPLICA, OTHER_REPLICA):
        operator.done("detachVolume", id=volume_id)
    jobs = [operator.submit("createSnapshot", volumeid=key, name="s") for key in (REPLICA, OTHER_REPLICA)]

    operator.clock.advance(1.0)

    assert [operator.outcome(job)["jobstatus"] for job in jobs] == [1, 1]


def test_nothing_changes_before_a_job_ends_but_the_states_in_between() -> None:
    operator = Operator()
    operator.submit("detachVolume", id=REPLICA)
    operator.clock.advance(0.9)

    volume = operator.cloud.volume(REPLICA)

    assert volume is not None
    assert (volume.state, volume.vm_id, volume.holders) == (
        "Ready",
        operator.appliance,
        frozenset({operator.appliance}),
    )


def test_an_attach_and_a_snapshot_show_their_states_in_between() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)
    operator.submit("attachVolume", id=REPLICA, virtualmachineid=operator.appliance)
    attaching = operator.cloud.volume(REPLICA)
    operator.settle()
    operator.submit("createSnapshot", volumeid=REPLICA, name="s")
    cutting, created = operator.cloud.volume(REPLICA), operator.cloud.snapshots()[0].state
    operator.clock.advance(0.6)
    copying, backing = operator.cloud.volume(REPLICA), operator.cloud.snapshots()[0].state

    assert attaching is not None and attaching.state == "Attaching"
    assert cutting is not None and (cutting.state, created) == ("Snapshotting", "Creating")
    assert copying is not None and (copying.state, backing) == ("Ready", "BackingUp")


def test_unfinished_jobs_are_listed_and_finished_ones_are_not() -> None:
    operator = Operator()
    job_id = operator.submit("detachVolume", id=REPLICA)

    listed = operator.ask("listAsyncJobs")
    operator.settle()

    assert [row["jobid"] for row in listed["asyncjobs"]] == [job_id]
    assert operator.ask("listAsyncJobs") == {}


def test_a_job_is_forgotten_a_day_after_its_end() -> None:
    operator = Operator()
    job_id = operator.submit("detachVolume", id=REPLICA)
    operator.settle()

    operator.clock.advance(86_500.0)

    assert operator.outcome(job_id)["errorcode"] == 431


def test_the_callers_job_id_is_taken_and_found_in_any_case() -> None:
    operator, job_id = Operator(), fresh()

    assert operator.submit("detachVolume", id=REPLICA, customjobid=job_id) == job_id
    assert operator.outcome(job_id.upper())["jobid"] == job_id


@pytest.mark.parametrize(
    "job_id", ["", "hello-1", "BF59E728-BD12-418E-8991-CC6A91156A46", "02f9423809f7488ebca509ec9ef5c71f"]
)
def test_a_job_id_that_is_no_lower_case_uuid_is_refused(job_id: str) -> None:
    operator = Operator()

    answer = operator.ask("detachVolume", id=REPLICA, customjobid=job_id)

    assert (answer["errorcode"], answer["cserrorcode"]) == (431, 4350)
    assert answer["errortext"] == f"UUID: {job_id} doesn't follow the UUID format"


def test_the_same_job_id_is_refused_while_the_job_runs_and_differently_after_it_ended() -> None:
    operator, job_id = Operator(), fresh()
    operator.submit("detachVolume", id=REPLICA, customjobid=job_id)

    running = operator.ask("detachVolume", id=REPLICA, customjobid=job_id)
    operator.settle()
    ended = operator.ask("stopVirtualMachine", id=operator.appliance, customjobid=job_id)

    assert running["errorcode"] == 431 and "already exists" in running["errortext"]
    # ordinary accounts do not see "Entity already exists"
    assert (ended["errorcode"], ended["errortext"]) == (
        530,
        "Internal error executing command, please contact your system administrator",
    )


def test_a_create_refused_for_its_job_id_leaves_its_entity() -> None:
    operator, job_id = Operator(), fresh()
    operator.submit("deployVirtualMachine", **operator.deployment("first"), customjobid=job_id)
    operator.settle()

    answer = operator.cloud.call("deployVirtualMachine", **operator.deployment("second"), customjobid=job_id)

    assert answer.status == 530
    second = operator.cloud.vm("second")
    assert second is not None and second.state == "Stopped"


def test_a_restart_puts_states_back_and_sweeps_snapshots() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)
    operator.done("detachVolume", id=OTHER_REPLICA)
    operator.submit("createSnapshot", volumeid=REPLICA, name="cut")
    attach = operator.submit("attachVolume", id=OTHER_REPLICA, virtualmachineid=operator.appliance, deviceid=2)
    operator.clock.advance(0.2)

    operator.cloud.restart_management_server()

    cut, attached = operator.cloud.volume(REPLICA), operator.cloud.volume(OTHER_REPLICA)
    assert cut is not None and attached is not None
    assert (cut.state, attached.state, attached.vm_id) == ("Ready", "Ready", None)
    assert operator.cloud.snapshots()[0].state == "Error"
    assert "jobresult" not in operator.outcome(attach)
    operator.settle()
    assert operator.cloud.snapshots() == []


def test_a_vm_killed_in_its_first_start_keeps_a_root_in_the_making_and_starts_no_more() -> None:
    operator = Operator()
    vm_id = operator.done("deployVirtualMachine", **operator.deployment("target"))
    operator.submit("startVirtualMachine", id=vm_id)
    operator.clock.advance(0.2)
    operator.cloud.restart_management_server()

    ended = operator.run("startVirtualMachine", id=vm_id)

    machine = operator.cloud.vm(vm_id)
    assert machine is not None and machine.state == "Stopped"
    assert ended.code == 533


def test_a_job_that_blocks_its_vm_for_an_hour_is_reported_failed_while_its_host_goes_on() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("detachVolume", "slow", seconds=5000.0))
    job_id = operator.submit("detachVolume", id=REPLICA)
    behind = operator.submit("detachVolume", id=OTHER_REPLICA)

    operator.clock.advance(3602.0)
    shown, before = operator.outcome(job_id), operator.cloud.volume(REPLICA)
    operator.clock.advance(1500.0)
    after = operator.cloud.volume(REPLICA)

    assert (shown["jobstatus"], shown["jobresultcode"], "jobresult" in shown) == (2, 0, False)
    assert operator.outcome(behind)["jobstatus"] == 1
    assert before is not None and after is not None
    assert before.holders == {operator.appliance}
    assert (after.vm_id, after.holders) == (operator.appliance, frozenset())


def test_an_attach_behind_a_destruction_is_refused_when_its_turn_comes() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)
    vm_id = operator.deploy()
    operator.submit("destroyVirtualMachine", id=vm_id)

    ended = operator.run("attachVolume", id=REPLICA, virtualmachineid=vm_id, deviceid=0)

    assert (ended.code, ended.text) == (431, "Please specify a VM that is either running or stopped.")


def test_the_next_event_is_known_so_that_a_test_can_jump_to_it() -> None:
    operator = Operator()
    assert operator.cloud.next_event_at() is None

    operator.cloud.faults.add(Fault("detachVolume", "hang"))
    operator.submit("detachVolume", id=REPLICA)
    halfway = operator.cloud.next_event_at()

    assert halfway == pytest.approx(operator.clock.now() + 0.5)
    operator.settle()
    assert operator.cloud.next_event_at() is None
