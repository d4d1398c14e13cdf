"""The engine's own statements say what Django's would, on every database."""

from __future__ import annotations

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from database.running import run
from database.statements import Prepared, PreparedAmong, compare_and_set, insert_all, remove
from jobs.models import FailoverJob, JobEvent, PlanState, Reservation, Step, StepAttempt, StepState
from tests.support.scenes import scene

pytestmark = pytest.mark.django_db


def _a_step() -> tuple[FailoverJob, Step]:
    stage = scene()
    job = stage.service.start_live("vm-one")
    return job, Step.objects.get(plan__job=job, key="check")


def test_a_row_is_changed_only_while_the_row_that_it_names_is_as_expected() -> None:
    _, step = _a_step()
    expecting = {"state": StepState.WAITING, "plan__state": PlanState.RUNNING}

    step.plan.state = PlanState.STOPPING
    step.plan.save(update_fields=["state"])
    assert not compare_and_set(Step, pk=step.pk, expecting=expecting, state=StepState.RUNNING)

    step.plan.state = PlanState.RUNNING
    step.plan.save(update_fields=["state"])
    assert compare_and_set(Step, pk=step.pk, expecting=expecting, state=StepState.RUNNING)
    step.refresh_from_db()
    assert step.state == StepState.RUNNING


def test_rows_of_one_kind_go_in_together_and_are_found_by_their_texts() -> None:
    job, step = _a_step()
    now = job.created_at
    attempt = StepAttempt.objects.create(step=step, number=1, async_job_id="a", intent_at=now, deadline=now)
    names = ["volume:1", "volume:2", "vm:1"]

    insert_all([Reservation(resource=name, attempt=attempt, job=job, taken_at=now) for name in names])

    among: PreparedAmong[Reservation] = PreparedAmong(
        lambda resources: (
            Reservation.objects.filter(resource__in=resources).order_by("resource").values_list("resource")
        )
    )
    assert among.values(["vm:1", "volume:2", "elsewhere"]) == [["vm:1"], ["volume:2"]]
    assert among.values([]) == []


@pytest.mark.parametrize("number", [1, 3, 40])
def test_rows_are_read_as_they_were_made_however_many_go_in_at_once(number: int) -> None:
    job, _ = _a_step()
    odd = {"text": 'it\'s \\ "quoted" 100 % – ☃', "none": None, "list": [1, 2.5, True], "large": 2**60}
    made = [
        JobEvent(job=job, at=job.created_at, kind=f"kind{one}", message="50 %, 'so'\n\\n", fields={**odd, "n": one})
        for one in range(number)
    ]

    insert_all(made)

    found = JobEvent.objects.filter(kind__startswith="kind").order_by("pk")
    assert [row.pk for row in found] == [row.pk for row in made]
    columns = ("job_id", "at", "kind", "message", "step_key", "async_job_id", "actor", "fields")
    assert [[getattr(row, name) for name in columns] for row in found] == [
        [getattr(row, name) for name in columns] for row in made
    ]


def test_a_row_among_many_that_the_database_refuses_keeps_all_of_them_out() -> None:
    job, step = _a_step()
    several = [Step(plan=step.plan, key=f"another{one}", position=50 + one, phase="cleanup") for one in range(9)]

    with pytest.raises(IntegrityError), transaction.atomic():
        insert_all([*several, Step(plan=step.plan, key=step.key, position=99, phase="cleanup")])
    with pytest.raises(DataError), transaction.atomic():
        insert_all([*several, Step(plan=step.plan, key="x" * 81, position=99, phase="cleanup")])
        raise DataError("SQLite takes texts of any length")

    assert not Step.objects.filter(plan__job=job, key__startswith="another").exists()


def test_what_is_removed_is_all_that_matches_and_nothing_else() -> None:
    job, _ = _a_step()
    insert_all([JobEvent(job=job, at=job.created_at, kind=kind, message="") for kind in "abca"])

    assert remove(JobEvent, job=job.pk, kind=("a", "b")) == 3
    assert remove(JobEvent, job=(job.pk + 1,), kind="c") == 0

    assert list(JobEvent.objects.filter(message="").values_list("kind", flat=True)) == ["c"]


def test_rows_are_found_by_their_numbers() -> None:
    job, step = _a_step()
    of_jobs: PreparedAmong[Step] = PreparedAmong(
        lambda ids: Step.objects.filter(plan__job__in=ids).order_by("position"), integers=True
    )

    found = of_jobs.rows([job.pk, job.pk + 1])

    assert found[0] == step and found == list(Step.objects.filter(plan__job=job).order_by("position"))
    assert of_jobs.rows([job.pk + 1]) == of_jobs.rows([]) == []


def test_what_never_changes_is_part_of_the_statement_and_may_hold_any_sign() -> None:
    job, step = _a_step()
    Step.objects.filter(pk=step.pk).update(reason="it's 100 % %s", waiting_for="%d")
    odd: Prepared[Step] = Prepared(
        lambda job_id, wanted: Step.objects.filter(
            plan__job_id=job_id, reason="it's 100 % %s", waiting_for=wanted
        ).values_list("key"),
        texts=frozenset({"wanted"}),
    )

    assert odd.values(job_id=job.pk, wanted="%d") == [["check"]]
    assert odd.values(job_id=job.pk, wanted="it's") == []


def test_what_was_made_and_what_is_a_replica_is_found_by_an_index() -> None:
    wanted = {"step_of_replica", "step_made_vm", "step_made_root", "step_made_clone", "step_made_snapshot"}
    with connection.cursor() as cursor:
        kept = connection.introspection.get_constraints(cursor, Step._meta.db_table)
    assert wanted <= kept.keys()


def test_a_hot_statement_is_kept_by_postgresql_and_one_of_django_is_not() -> None:
    job, step = _a_step()
    steps: Prepared[Step] = Prepared(lambda job_id: Step.objects.filter(plan__job_id=job_id).order_by("position"))

    # Of one size or another, an integer makes no statement of its own.
    found = [steps.rows(job_id=job_id) for job_id in (job.pk, 40_000, 5_000_000_000, *range(-9, -2))]
    counted = [Step.objects.filter(key="no such step").count() for _ in range(12)]

    assert step in found[0]
    assert not any(found[1:])
    assert not any(counted)
    if connection.vendor == "postgresql":
        kept = run("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements", []).rows
        of_steps = [plans for statement, *plans in kept if 'FROM "jobs_step"' in statement and "position" in statement]
        assert [10, 0] in of_steps
        assert not [statement for statement, *_ in kept if "no such step" in statement]
