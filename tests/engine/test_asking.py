"""A question and the word of it are one: whoever dies between them has asked nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inventory.models import HoldMethod
from jobs.engine.ports import Ledger
from notifications.models import Event, Notification
from tests.support.scenes import scene
from tests.support.service import WorkerKilled
from tests.support.telling import carry_on
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
