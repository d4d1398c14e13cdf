"""This will prove that starts which are validated and written together are each judged and written for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from cloudstack_simulator import Fault
from inventory.models import ProtectedVM, ReplicaVolume, ReservationKind, TargetCloud, VMReservation
from inventory.reservations import reserve
from jobs.bulk import AT_ONCE, Ended, Wish, start_each
from jobs.errors import ActiveJob, CloudSilent, InventoryChanged, JobError, UnforeseenError
from jobs.models import FailoverJob, JobEvent, JobType, Plan, Step
from jobs.prepared_starts import Asked, PreparedStart, StartRequest, prepare_each
from jobs.presentation import queue_body
from jobs.written_starts import write_each
from tests.support.first_everywhere import first_everywhere
from tests.support.mapped import spoil
from tests.support.scenes import Scene, scene
from validation.errors import NotReady
from validation.models import ValidationCheck

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet() -> Scene:
    """Set a scene of two batches and a half."""
    return scene(f"fleet:{2 * AT_ONCE + 5}")


def _ids(stage: Scene) -> list[str]:
    return [vm.vm_id for vm in stage.inventory.vms.values()]


def _bulk(stage: Scene, vm_ids: list[str]) -> Iterator[Ended]:
    wishes = (Wish(vm_id, Asked(vm_id, StartRequest()), lambda job: {"job_id": job.job_id}) for vm_id in vm_ids)
    service = stage.service
    return start_each(wishes, engine=service.engine, gateways=service.gateway, kind=JobType.LIVE, actor="tester")


def _prepared(stage: Scene, vm_ids: list[str]) -> list[PreparedStart]:
    asked = [Asked(vm_id, StartRequest()) for vm_id in vm_ids]
    service = stage.service
    found = prepare_each(engine=service.engine, gateways=service.gateway, kind=JobType.LIVE, asked=asked)
    return [one for one in found if isinstance(one, PreparedStart)]


def _statements(stage: Scene, vm_ids: list[str]) -> int:
    statements: list[str] = []

    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        assert all(ended.answer for ended in _bulk(stage, vm_ids))
    return len(statements)


def test_a_start_among_many_costs_no_statement_of_its_own(fleet: Scene) -> None:
    ids = _ids(fleet)
    list(_bulk(fleet, ids[:2]))

    few, many = _statements(fleet, ids[2:5]), _statements(fleet, ids[5 : 5 + AT_ONCE])

    # Five VMs share an appliance, which is read once.
    assert few <= 30 and many - few <= AT_ONCE / 5 + 1


def test_the_replicas_of_a_batch_are_read_by_one_call(fleet: Scene) -> None:
    ids = _ids(fleet)
    list(_bulk(fleet, ids[:1]))
    asked = fleet.simulator.calls.count("listVolumes")

    list(_bulk(fleet, ids[1 : 1 + AT_ONCE]))

    assert fleet.simulator.calls.count("listVolumes") == asked + 1


def test_the_first_failovers_begin_while_the_rest_is_not_even_read(fleet: Scene) -> None:
    taken: list[str] = []

    def wishes() -> Iterator[Wish]:
        for vm_id in _ids(fleet):
            taken.append(vm_id)
            yield Wish(vm_id, Asked(vm_id, StartRequest()), lambda job: {"job_id": job.job_id})

    service = fleet.service
    ended = start_each(wishes(), engine=service.engine, gateways=service.gateway, kind=JobType.LIVE, actor="tester")
    first = next(ended)

    assert first.answer and len(taken) == AT_ONCE == FailoverJob.objects.count()


def test_every_job_of_a_batch_is_as_whole_as_one_that_was_started_alone(fleet: Scene) -> None:
    ids = _ids(fleet)
    alone = fleet.service.start_live(ids[0])
    list(_bulk(fleet, ids[1:4]))

    def shape(job: FailoverJob) -> object:
        plan = Plan.objects.get(job=job)
        steps = [(step.key, step.phase, step.command, step.after) for step in Step.objects.filter(plan=plan)]
        events = list(JobEvent.objects.filter(job=job).values_list("kind", "message", "actor"))
        kept = ValidationCheck.objects.filter(vm=job.vm, purpose="live").values_list("check_name", "status")
        held = VMReservation.objects.get(vm=job.vm)
        return steps, events, list(kept), plan.number, plan.kind, held.kind, held.reference == job.job_id

    for job in FailoverJob.objects.exclude(pk=alone.pk):
        assert shape(job) == shape(alone)
        assert {disk["volume_id"] for disk in job.specification["disks"]} == set(
            ReplicaVolume.objects.filter(disk__vm=job.vm).values_list("volume_id", flat=True)
        )


def test_a_volume_that_no_cloud_can_have_refuses_its_own_vm_only(fleet: Scene) -> None:
    ids = _ids(fleet)[:5]
    ReplicaVolume.objects.filter(disk__vm__vm_id=ids[2]).update(volume_id="no-uuid")

    ended = list(_bulk(fleet, ids))

    assert [one.refusal is None for one in ended] == [True, True, False, True, True]
    assert isinstance(ended[2].refusal, NotReady) and "no-uuid" in str(ended[2].refusal)


def test_a_replica_that_is_gone_refuses_its_own_vm_only(fleet: Scene) -> None:
    ids = _ids(fleet)[:4]
    gone = "00000000-0000-4000-8000-000000000000"
    ReplicaVolume.objects.filter(disk__vm__vm_id=ids[1]).update(volume_id=gone)

    ended = list(_bulk(fleet, ids))

    assert [getattr(one.refusal, "error_code", None) for one in ended] == [None, "VOLUME_NOT_AVAILABLE", None, None]


def test_a_cloud_that_falls_silent_between_two_batches_is_asked_once_more(fleet: Scene) -> None:
    ids = _ids(fleet)
    ended = _bulk(fleet, ids)
    begun = [next(ended) for _ in range(AT_ONCE)]
    for command in ("listVolumes", "listVirtualMachines"):
        fleet.simulator.faults.add(Fault(command, "lost_request", times=100))

    rest = list(ended)

    assert all(one.answer for one in begun) and FailoverJob.objects.count() == AT_ONCE
    assert isinstance(rest[0].refusal, NotReady) and rest[0].refusal.error_code == "OSSEA_API_ERROR"
    assert [type(one.refusal) for one in rest[1:]] == [CloudSilent] * (len(ids) - AT_ONCE - 1)
    assert len({str(one.refusal) for one in rest[1:]}) == 1
    judged = set(ValidationCheck.objects.values_list("vm__vm_id", flat=True))
    assert judged == set(ids[: AT_ONCE + 1])


def _taken_by_a_replication(vm: ProtectedVM, stage: Scene) -> None:
    reserve(vm=vm, kind=ReservationKind.REPLICATION, reference="sync-1", now=stage.service.clock.now())


def _imported_with_another_replica(vm: ProtectedVM, stage: Scene) -> None:
    ReplicaVolume.objects.filter(disk__vm=vm).update(volume_id="00000000-0000-4000-8000-000000000000")


def _started_by_somebody_else(vm: ProtectedVM, stage: Scene) -> None:
    stage.service.start_live(vm.vm_id)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("happens", "refusal"),
    [
        (_taken_by_a_replication, ActiveJob),
        (_imported_with_another_replica, InventoryChanged),
        (_started_by_somebody_else, ActiveJob),
    ],
)
def test_what_happens_to_one_vm_between_judging_and_writing_stops_no_other(
    fleet: Scene, happens: Callable[[ProtectedVM, Scene], None], refusal: type[JobError]
) -> None:
    ids = _ids(fleet)[:4]
    prepared = _prepared(fleet, ids)
    happens(prepared[1].vm, fleet)

    outcomes = write_each(fleet.service.engine, prepared, actor="tester")

    assert [type(one) for one in outcomes] == [FailoverJob, refusal, FailoverJob, FailoverJob]
    assert [one.source_vm_id for one in outcomes if isinstance(one, FailoverJob)] == [ids[0], ids[2], ids[3]]
    assert not FailoverJob.objects.filter(marker=prepared[1].spec.marker).exists()
    assert VMReservation.objects.filter(vm=prepared[1].vm).exists() == (refusal is ActiveJob)


def test_a_vm_that_is_prepared_twice_is_started_once_and_stops_no_other(fleet: Scene) -> None:
    ids = _ids(fleet)[:3]
    prepared = [*_prepared(fleet, ids), *_prepared(fleet, ids[1:2])]

    outcomes = write_each(fleet.service.engine, prepared, actor="tester")

    assert [type(one) for one in outcomes] == [FailoverJob, FailoverJob, FailoverJob, ActiveJob]
    assert FailoverJob.objects.count() == 3


def test_whose_answer_cannot_be_kept_has_no_job_and_the_others_have(fleet: Scene) -> None:
    def refuse(job: FailoverJob) -> None:
        raise ActiveJob(vm_id=job.source_vm_id, kind="failover", reference="another request")

    ids = _ids(fleet)[:3]
    prepared = _prepared(fleet, ids)
    prepared[1] = replace(prepared[1], request=StartRequest(on_written=refuse))

    outcomes = write_each(fleet.service.engine, prepared, actor="tester")

    assert [type(one) for one in outcomes] == [FailoverJob, ActiveJob, FailoverJob]
    assert set(FailoverJob.objects.values_list("source_vm_id", flat=True)) == {ids[0], ids[2]}


def _unplannable(vm_id: str) -> Wish:
    """Give a start that breaks in planning, for a reason that nobody foresaw: the API lets no such option through."""
    return Wish(vm_id, Asked(vm_id, StartRequest(custom_config={"cpu_overcommit": "a lot"})))


def _unwritable(vm_id: str) -> Wish:
    """Give a start that breaks while its job is written."""

    def broken(job: FailoverJob) -> None:
        raise KeyError(job.job_id)

    return Wish(vm_id, Asked(vm_id, StartRequest(on_written=broken)))


@pytest.mark.parametrize("broken", [_unplannable, _unwritable])
@pytest.mark.parametrize("position", first_everywhere([0, 7, AT_ONCE - 1]))
def test_an_error_that_nobody_foresaw_costs_its_own_vm_only_and_has_an_id_in_the_log(
    fleet: Scene, broken: Callable[[str], Wish], position: int, caplog: pytest.LogCaptureFixture
) -> None:
    ids = _ids(fleet)[: AT_ONCE + 2]
    wishes = [Wish(vm_id, Asked(vm_id, StartRequest()), lambda job: {"job_id": job.job_id}) for vm_id in ids]
    wishes[position] = broken(ids[position])
    service = fleet.service

    ended = list(start_each(wishes, engine=service.engine, gateways=service.gateway, kind=JobType.LIVE, actor="tester"))

    assert [one.vm_id for one in ended] == ids
    (refused,) = [one for one in ended if one.refusal is not None]
    assert refused.vm_id == ids[position] and isinstance(refused.refusal, UnforeseenError)
    assert set(FailoverJob.objects.values_list("source_vm_id", flat=True)) == set(ids) - {ids[position]}
    assert not VMReservation.objects.filter(vm__vm_id=ids[position]).exists()
    assert (refused.refusal.extra or {})["error_id"] in caplog.text


def test_a_vm_whose_record_breaks_the_reading_of_all_costs_itself_only_also_beside_a_silent_cloud(
    fleet: Scene,
) -> None:
    ids = _ids(fleet)[:5]
    spoil(ids[0])
    for command in ("listVolumes", "listVirtualMachines"):
        fleet.simulator.faults.add(Fault(command, "lost_request", times=100))

    ended = list(_bulk(fleet, ids))

    assert [type(one.refusal) for one in ended] == [UnforeseenError, NotReady, CloudSilent, CloudSilent, CloudSilent]
    fleet.simulator.faults.clear()
    again = list(_bulk(fleet, ids))
    assert [one.refusal is None for one in again] == [False, True, True, True, True]


def test_those_that_must_queue_stand_in_the_order_asked_for(fleet: Scene) -> None:
    TargetCloud.objects.update(most_running=2)
    ids = _ids(fleet)[:5]

    list(_bulk(fleet, ids))

    places = [queue_body(job) for job in FailoverJob.objects.order_by("pk")]
    assert [job.source_vm_id for job in FailoverJob.objects.order_by("pk")] == ids
    assert [place["position"] if place else None for place in places] == [None, None, 1, 2, 3]


@pytest.mark.slow
def test_all_of_a_bulk_come_up(fleet: Scene) -> None:
    ids = _ids(fleet)[: AT_ONCE + 3]

    list(_bulk(fleet, ids))
    fleet.service.run()

    assert set(FailoverJob.objects.values_list("outcome", flat=True)) == {"succeeded"}
