"""The sweeper rings for what nobody holds, and leaves a queue that only takes its time in peace."""

from __future__ import annotations

from itertools import pairwise

import pytest

from jobs.engine.sweeper import sweep
from jobs.models import FailoverJob, JobState
from tests.support.scenes import Scene, scene

pytestmark = pytest.mark.django_db


def _rings_while_nobody_works(stage: Scene, *, seconds: int) -> list[int]:
    """Sweep once a second, and give the seconds after which a ring was made."""
    clock = stage.service.clock.stepped
    began, rung = clock.now(), []
    for second in range(1, seconds + 1):
        clock.advance(began + second - clock.now())
        if sweep(stage.service.engine):
            rung.append(second)
    return rung


def test_a_job_that_waits_for_its_turn_is_rung_for_at_growing_intervals() -> None:
    stage = scene()
    stage.service.bell.mute = True
    job = stage.service.start_live("vm-one")

    rung = _rings_while_nobody_works(stage, seconds=200)

    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    pauses = [later - earlier for earlier, later in pairwise(rung)]
    assert rung[0] <= 6
    assert pauses == sorted(pauses)
    assert max(pauses) <= stage.service.engine.rules.longest_pause + 1
    assert len(rung) <= 8


def test_a_job_that_has_begun_is_rung_for_again_and_again() -> None:
    stage = scene()
    stage.service.bell.mute = True
    job = stage.service.start_live("vm-one")
    FailoverJob.objects.filter(pk=job.pk).update(state=JobState.RUNNING)

    assert len(_rings_while_nobody_works(stage, seconds=60)) >= 8
