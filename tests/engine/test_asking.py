"""A question and the word of it are one, a job that waits asks something, and one that has ended nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inventory.models import HoldMethod
from jobs.engine.ports import Ledger
from jobs.models import FailoverJob, Outcome
from notifications.models import Event, Notification
from tests.support.scenes import scene
from tests.support.service import WorkerKilled, describe
from tests.support.telling import carry_on, for_seconds
from tests.support.worlds import assert_waits_for_operator

pytestmark = pytest.mark.django_db


class _DiesBeforeTelling:
    """A ledger whose process dies when a person is to be told."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def asked(self, **_: object) -> None:
        raise WorkerKilled


class _FailsAtTheEnd:
    """A ledger that fails so often when a job ends."""

    def __init__(self, ledger: Ledger, *, times: int) -> None:
        self._ledger, self._times = ledger, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def finished(self, *, job: FailoverJob, words: str) -> None:
        if self._times:
            self._times -= 1
            raise RuntimeError("a defect")
        self._ledger.finished(job=job, words=words)


def test_a_job_whose_end_fails_waits_with_a_question_that_its_end_takes_back() -> None:
    stage = scene()
    engine = stage.service.engine
    defects = engine.rules.defects
    stage.service.engine = replace(engine, ledger=_FailsAtTheEnd(engine.ledger, times=defects + 1))
    job = stage.service.start_live("vm-one")

    carry_on(stage)
    assert_waits_for_operator(job, kind="defect")
    for_seconds(stage, 300.0)

    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED, describe(job)
    assert job.questions.get().answer == "moot"


def test_a_person_is_told_of_a_question_whose_process_died_while_it_was_asked() -> None:
    stage = scene(hold_method=HoldMethod.MANUAL)
    job = stage.service.start_live("vm-one")
    killed = stage.service.engine
    stage.service.engine = replace(killed, ledger=_DiesBeforeTelling(killed.ledger))

    carry_on(stage)

    assert stage.service.engine.owner != killed.owner
    assert_waits_for_operator(job, kind="guard")
    assert Notification.objects.filter(event=Event.QUESTION).count() == 1
    assert job.events.filter(kind="question").count() == 1
