"""This will plan faults and look at what each leaves in the record and on the hosts."""

from __future__ import annotations

import pytest

from cloudstack_simulator import AnswerLost, CallHangs, Fault, ServerDown
from tests.simulator.driving import REPLICA, Operator, fresh


def test_a_refused_call_does_nothing() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("detachVolume", "refuse", error_code=533, text="no room"))

    answer = operator.cloud.call("detachVolume", id=REPLICA)

    assert answer.status == 533
    volume = operator.cloud.volume(REPLICA)
    assert volume is not None and volume.vm_id == operator.appliance
    assert operator.cloud.unfinished_jobs() == []


def test_a_create_refused_after_its_creation_leaves_its_entity_without_a_job() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("deployVirtualMachine", "refuse", text="after-create"))

    answer = operator.cloud.call("deployVirtualMachine", **operator.deployment("left"))

    assert answer.status == 431
    machine = operator.cloud.vm("left")
    assert machine is not None and machine.state == "Stopped"
    assert operator.cloud.unfinished_jobs() == []


def test_a_failed_job_has_done_nothing() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("detachVolume", "fail"))

    ended = operator.run("detachVolume", id=REPLICA)

    assert (ended.succeeded, ended.code) == (False, 530)
    assert ended.text == "Failed to detach volume replica-one-disk-0 from VM oma1; Simulated failure"
    volume = operator.cloud.volume(REPLICA)
    assert volume is not None and volume.holders == {operator.appliance}


def test_a_job_may_take_effect_and_still_say_failed() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("detachVolume", "done_then_fail"))

    ended = operator.run("detachVolume", id=REPLICA)

    assert (ended.succeeded, ended.code) == (False, 530)
    volume = operator.cloud.volume(REPLICA)
    assert volume is not None and (volume.vm_id, volume.holders) == (None, frozenset())


def test_a_lost_answer_was_carried_out_under_the_callers_job_id() -> None:
    operator, job_id = Operator(), fresh()
    operator.cloud.faults.add(Fault("detachVolume", "lost_answer"))

    with pytest.raises(AnswerLost):
        operator.cloud.call("detachVolume", id=REPLICA, customjobid=job_id)

    assert operator.wait(job_id).succeeded


def test_a_lost_request_was_never_carried_out() -> None:
    operator, job_id = Operator(), fresh()
    operator.cloud.faults.add(Fault("detachVolume", "lost_request"))

    with pytest.raises(AnswerLost):
        operator.cloud.call("detachVolume", id=REPLICA, customjobid=job_id)

    assert operator.outcome(job_id)["errorcode"] == 431
    assert operator.cloud.unfinished_jobs() == []


def test_a_hanging_job_stays_under_way_and_holds_up_its_vm() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("detachVolume", "hang"))
    hanging = operator.submit("detachVolume", id=REPLICA)
    behind = operator.submit("createSnapshot", volumeid=REPLICA, name="behind")

    operator.settle()

    assert operator.outcome(hanging)["jobstatus"] == 0
    assert operator.outcome(behind)["jobstatus"] == 0


def test_a_hanging_synchronous_call_never_answers_and_does_nothing() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("updateVirtualMachine", "hang"))

    with pytest.raises(CallHangs):
        operator.cloud.call("updateVirtualMachine", id=operator.appliance, deleteprotection=True)

    machine = operator.cloud.vm("oma1")
    assert machine is not None and not machine.delete_protection


def test_a_slow_job_takes_so_much_longer() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("detachVolume", "slow", seconds=100.0))
    began = operator.clock.now()

    operator.done("detachVolume", id=REPLICA)

    assert operator.clock.now() - began == pytest.approx(101.0)


def test_a_late_detach_leaves_the_record_and_takes_the_disk_away_later() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("detachVolume", "late", seconds=30.0))

    assert not operator.run("detachVolume", id=REPLICA).succeeded
    before = operator.cloud.volume(REPLICA)
    operator.clock.advance(31.0)
    after = operator.cloud.volume(REPLICA)

    assert before is not None and after is not None
    assert (before.vm_id, before.holders) == (operator.appliance, frozenset({operator.appliance}))
    assert (after.vm_id, after.holders) == (operator.appliance, frozenset())
    assert not operator.cloud.appliance_writes(REPLICA, "52 3c/9")


def test_a_late_start_runs_the_vm_after_the_job_failed() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)
    vm_id = operator.deploy()
    operator.done("attachVolume", id=REPLICA, virtualmachineid=vm_id, deviceid=0)
    operator.cloud.faults.add(Fault("startVirtualMachine", "late", seconds=20.0))

    assert not operator.run("startVirtualMachine", id=vm_id).succeeded
    before = operator.cloud.vm(vm_id)
    operator.clock.advance(21.0)
    after = operator.cloud.vm(vm_id)

    assert before is not None and (before.state, before.running_on_hypervisor) == ("Stopped", False)
    assert after is not None and (after.state, after.running_on_hypervisor) == ("Running", True)


def test_a_late_synchronous_deletion_happens_after_the_error() -> None:
    operator = Operator()
    vm_id = operator.done("deployVirtualMachine", **operator.deployment("target"))
    machine = operator.cloud.vm(vm_id)
    assert machine is not None
    root = machine.volumes[0]
    operator.done("detachVolume", id=root)
    operator.cloud.faults.add(Fault("deleteVolume", "late", seconds=10.0))

    assert operator.cloud.call("deleteVolume", id=root).status == 530
    assert operator.cloud.volume(root) is not None
    operator.clock.advance(11.0)

    assert operator.cloud.volume(root) is None


def test_a_restart_in_the_middle_of_a_job_fails_it_without_any_result() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("detachVolume", "restart", seconds=5.0))
    job_id = operator.submit("detachVolume", id=REPLICA)

    operator.clock.advance(0.6)
    with pytest.raises(ServerDown):
        operator.cloud.call("listZones")
    operator.clock.advance(6.0)

    shown = operator.outcome(job_id)
    assert (shown["jobstatus"], shown["jobresultcode"]) == (2, 530)
    assert "jobresult" not in shown and "jobresulttype" not in shown


def test_a_fault_hits_the_nth_call_from_now_and_as_many_as_it_says() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("listZones", "refuse", nth=2, times=2))

    statuses = [operator.cloud.call("listZones").status for _ in range(4)]

    assert statuses == [200, 431, 431, 200]
    assert len(operator.cloud.faults.fired) == 2


@pytest.mark.parametrize("calls", range(6))
def test_what_is_left_of_the_plan_hits_the_same_calls_when_it_is_planned_anew(calls: int) -> None:
    kept, anew = Operator().cloud.faults, Operator().cloud.faults
    for fault in (Fault("listVolumes", "refuse", nth=3, times=2), Fault("listZones", "fail", nth=4)):
        kept.add(fault)
    for _ in range(calls):
        kept.strike("listVolumes", mutating=False)
        kept.strike("listZones", mutating=False)

    for fault in kept.left():
        anew.add(fault)

    for command in ("listVolumes", "listZones") * 6:
        one, other = kept.strike(command, mutating=False), anew.strike(command, mutating=False)
        assert (one and one.kind) == (other and other.kind)


def test_a_fault_on_any_mutating_command_leaves_reads_alone() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("*", "refuse"))

    assert operator.cloud.call("listZones").status == 200
    assert operator.cloud.call("detachVolume", id=REPLICA).status == 431


def test_cleared_faults_do_not_happen() -> None:
    operator = Operator()
    operator.cloud.faults.add(Fault("listZones", "refuse"))
    operator.cloud.faults.clear()

    assert operator.cloud.call("listZones").status == 200
    assert operator.cloud.faults.fired == []
