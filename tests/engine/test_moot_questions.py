"""A plan that stops takes back what it asked about steps that it will not start, and nothing else."""

from __future__ import annotations

import pytest

from jobs.engine.questions import drop_moot
from jobs.models import AttemptState, Question, Step, StepState
from tests.support.scenes import scene

pytestmark = pytest.mark.django_db


def test_only_questions_about_steps_that_will_not_be_started_are_taken_back() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    under_way = Step.objects.filter(attempts__state=AttemptState.SUBMITTED)
    stage.service.run(until=under_way.exists)
    left_while_under_way = under_way[0]
    waiting, skipped, failed, answered = Step.objects.filter(attempts=None)[:4]
    states = {waiting: StepState.WAITING, skipped: StepState.SKIPPED, failed: StepState.FAILED}
    states |= {answered: StepState.WAITING, left_while_under_way: StepState.SKIPPED}
    now = stage.service.clock.now()
    for step, state in states.items():
        Step.objects.filter(pk=step.pk).update(state=state)
        Question.objects.create(job=job, step=step, kind="guard", text=state, asked_at=now)
    Question.objects.filter(step=answered).update(answered_at=now, answer="retry")

    drop_moot(stage.service.engine, plan=waiting.plan)

    answers = dict(Question.objects.values_list("step_id", "answer"))
    assert answers == {
        waiting.pk: "moot",
        skipped.pk: "moot",
        failed.pk: "",
        answered.pk: "retry",
        left_while_under_way.pk: "",
    }
    assert set(Question.objects.filter(answered_at=None).values_list("step_id", flat=True)) == {
        failed.pk,
        left_while_under_way.pk,
    }
