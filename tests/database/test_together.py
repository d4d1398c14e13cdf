"""What is written as one is all there or not at all, on every database."""

from __future__ import annotations

import threading

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from database.together import Change, Gone, New, NotAsExpected, Write, write_as_one, write_in_turn
from jobs.models import FailoverJob, JobEvent, PlanState, Reservation, Step, StepAttempt, StepState
from tests.support.scenes import scene

pytestmark = pytest.mark.django_db


def _a_step() -> tuple[FailoverJob, Step]:
    stage = scene()
    job = stage.service.start_live("vm-one")
    return job, Step.objects.get(plan__job=job, key="check")


def _guard(job: FailoverJob, **expecting: object) -> Change:
    return Change(FailoverJob, job.pk, {"progress": 7.0}, {"turn": job.turn, **expecting}, counting="turn")


def _begun(step: Step) -> Change:
    expecting = {"state": StepState.WAITING, "plan__state": PlanState.RUNNING}
    return Change(Step, step.pk, {"state": StepState.RUNNING, "reason": "50 %"}, expecting)


def _attempt(job: FailoverJob, step: Step, number: int = 1) -> StepAttempt:
    id_ = f"id-{number}"
    return StepAttempt(step=step, number=number, async_job_id=id_, intent_at=job.created_at, deadline=job.created_at)


def _reserved(job: FailoverJob, attempt: StepAttempt, *names: str) -> New:
    rows = [Reservation(resource=name, attempt=attempt, job=job, taken_at=job.created_at) for name in names]
    return New(rows, parent=attempt, naming="attempt")


def _event(job: FailoverJob) -> New:
    return New([JobEvent(job=job, at=job.created_at, kind="together", message="it's 100 %", fields={"n": [1, None]})])


def _nothing_is_written(job: FailoverJob, step: Step) -> bool:
    return (
        FailoverJob.objects.get(pk=job.pk).turn == job.turn
        and Step.objects.get(pk=step.pk).state == StepState.WAITING
        and not StepAttempt.objects.filter(step=step).exists()
        and not Reservation.objects.filter(job=job).exists()
        and not JobEvent.objects.filter(kind="together").exists()
    )


@pytest.mark.parametrize("number", [1, 2, 9])
def test_all_of_it_is_written_and_new_rows_know_their_ids(number: int) -> None:
    job, step = _a_step()
    attempt, names = _attempt(job, step), [f"volume:{one}" for one in range(number)]
    reserved, event = _reserved(job, attempt, *names), _event(job)

    write_as_one(_guard(job), _begun(step), New([attempt]), reserved, event)

    written = FailoverJob.objects.get(pk=job.pk)
    assert (written.turn, written.progress) == (job.turn + 1, 7.0)
    begun = Step.objects.get(pk=step.pk)
    assert (begun.state, begun.reason) == (StepState.RUNNING, "50 %")
    assert StepAttempt.objects.get(pk=attempt.pk).async_job_id == "id-1"
    kept = list(Reservation.objects.filter(attempt=attempt).order_by("pk"))
    assert [row.resource for row in kept] == names
    assert kept == reserved.rows and all(row.attempt == attempt for row in kept)
    told = JobEvent.objects.get(kind="together")
    assert (told.pk, told.message, told.fields) == (event.rows[0].pk, "it's 100 %", {"n": [1, None]})


def test_nothing_is_written_where_the_guard_is_not_as_expected() -> None:
    job, step = _a_step()
    guard = Change(FailoverJob, job.pk, {"progress": 7.0}, {"turn": job.turn + 1}, counting="turn")

    with pytest.raises(NotAsExpected):
        write_as_one(guard, _begun(step), New([_attempt(job, step)]), _event(job))

    assert _nothing_is_written(job, step)


def test_nothing_is_written_where_a_later_row_is_not_as_expected() -> None:
    job, step = _a_step()
    attempt = _attempt(job, step)
    gone = Change(Step, step.pk, {"state": StepState.DONE}, {"state": StepState.RUNNING})

    with pytest.raises(NotAsExpected):
        write_as_one(_guard(job), New([attempt]), _reserved(job, attempt, "vm:1"), gone, _event(job))
    with pytest.raises(NotAsExpected), transaction.atomic():
        write_in_turn(_guard(job), New([attempt]), _reserved(job, attempt, "vm:1"), gone, _event(job))

    assert _nothing_is_written(job, step)


def test_a_row_that_is_not_needed_may_have_changed() -> None:
    job, step = _a_step()
    changed = Change(Step, step.pk, {"reason": "so"}, {"state": StepState.RUNNING}, needed=False)

    write_as_one(_guard(job), changed, _event(job))

    assert Step.objects.get(pk=step.pk).reason == ""
    assert JobEvent.objects.filter(kind="together").count() == 1


def test_a_row_that_the_database_refuses_keeps_out_all_and_spares_the_transaction_around() -> None:
    job, step = _a_step()
    another = Step.objects.exclude(pk=step.pk).filter(plan__job=job)[0]
    first, second = _attempt(job, another), _attempt(job, step, number=2)
    write_as_one(_guard(job), New([first]), _reserved(job, first, "vm:1"))
    job.refresh_from_db()

    with pytest.raises(IntegrityError, match=Reservation._meta.db_table):
        write_as_one(_guard(job), _begun(step), New([second]), _reserved(job, second, "volume:1", "vm:1"), _event(job))

    assert [row.resource for row in Reservation.objects.filter(job=job)] == ["vm:1"]
    assert Step.objects.get(pk=step.pk).state == StepState.WAITING
    assert FailoverJob.objects.get(pk=job.pk).turn == job.turn


def test_what_is_gone_is_told_and_what_never_was_is_not() -> None:
    job, step = _a_step()
    attempt = _attempt(job, step)
    write_as_one(_guard(job), New([attempt]), _reserved(job, attempt, "vm:1", "volume:1"))
    job.refresh_from_db()

    def gone_with(pk: int) -> Gone:
        gone = Gone(Reservation, where="attempt", equals=pk, column="resource")
        write_as_one(_guard(job), gone)
        job.refresh_from_db()
        return gone

    assert gone_with(attempt.pk + 1).found == []
    assert sorted(gone_with(attempt.pk).found) == ["vm:1", "volume:1"]
    assert not Reservation.objects.filter(job=job).exists()


def test_a_value_that_its_column_cannot_hold_is_no_missed_row() -> None:
    job, step = _a_step()
    too_long = Change(Step, step.pk, {"state": "x" * 300}, {"state": StepState.WAITING})

    with pytest.raises(DataError), transaction.atomic():
        write_as_one(_guard(job), too_long, _event(job))
        raise DataError("SQLite takes texts of any length")

    assert _nothing_is_written(job, step)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turns", [0, 1])
def test_who_waited_for_the_guards_row_writes_only_if_nobody_took_a_turn_meanwhile(turns: int) -> None:
    job, step = _a_step()
    attempt, ended = _attempt(job, step), []

    def write() -> None:
        try:
            write_as_one(_guard(job), _begun(step), New([attempt]), _event(job))
            ended.append("written")
        except NotAsExpected:
            ended.append("overtaken")
        finally:
            connection.close()

    other = threading.Thread(target=write)
    with transaction.atomic():
        FailoverJob.objects.filter(pk=job.pk).update(turn=job.turn + turns)
        if connection.vendor == "postgresql":
            other.start()
            _wait_until_somebody_waits()
    # SQLite lets a writer begin only when there is no other.
    if connection.vendor != "postgresql":
        other.start()
    other.join(10)

    assert ended == ["overtaken" if turns else "written"]
    assert StepAttempt.objects.filter(step=step).count() == 1 - turns


def _wait_until_somebody_waits() -> None:
    """Ask the database until a statement waits for a lock."""
    with connection.cursor() as cursor:
        waiting = 0
        while not waiting:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            ((waiting,),) = cursor.fetchall()


def test_in_turn_the_same_is_written() -> None:
    job, step = _a_step()
    attempt = _attempt(job, step)
    writes: list[Write] = [_begun(step), New([attempt]), _reserved(job, attempt, "vm:1"), _event(job)]

    with transaction.atomic():
        write_in_turn(*writes)

    assert Reservation.objects.get(job=job).attempt == attempt
