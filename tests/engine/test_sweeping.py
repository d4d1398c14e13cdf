"""The sweeper rings for what nobody holds, however old it is: a restart may have lost every message."""

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


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_a_job_whose_rings_are_lost_is_rung_for_again_and_again(state: JobState) -> None:
    stage = scene()
    stage.service.bell.mute = True
    job = stage.service.start_live("vm-one")
    FailoverJob.objects.filter(pk=job.pk).update(state=state)

    rung = _rings_while_nobody_works(stage, seconds=60)

    patience = stage.service.engine.rules.patience_with_bell
    assert rung[0] <= patience + 1
    assert all(later - earlier <= patience + 1 for earlier, later in pairwise(rung))
    assert rung[-1] >= 60 - patience
