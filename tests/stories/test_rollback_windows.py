"""A live failover may be given a time in which its way back is meant to be used, and what is done at its end."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from inventory.reservations import release, reserve
from jobs import verbs
from jobs.errors import CannotExtend
from jobs.keeper import Keeper
from jobs.models import FailoverJob, JobState, Outcome, PlanKind
from jobs.presentation import status_body
from jobs.window_ends import CLOCK
from tests.support.ends_of_rollbacks import assert_committed, assert_rolled_back
from tests.support.scenes import Scene, scene
from tests.support.telling import carry_on, for_seconds, without_service
from tests.support.worlds import Before, assert_failed_over, remember

pytestmark = pytest.mark.django_db

HOURS = 3600.0


def _failed_over(**options: Any) -> tuple[Scene, FailoverJob, Before]:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-one", custom_config=options)
    carry_on(stage)
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED
    return stage, job, before


def test_without_a_word_nothing_happens_at_the_end_of_the_window_but_that_it_is_said_once() -> None:
    stage, job, before = _failed_over(rollback_window="4h")

    for_seconds(stage, 3.9 * HOURS)
    assert not job.events.filter(kind="rollback_window_over").exists()
    for_seconds(stage, 1.0 * HOURS)

    assert job.events.filter(kind="rollback_window_over").count() == 1
    assert_failed_over(stage.simulator, job, before)
    assert job.plans.count() == 1


def test_a_failover_without_a_window_waits_for_ever() -> None:
    stage, job, before = _failed_over()

    without_service(stage, 200.0 * HOURS)
    for_seconds(stage, 60.0)

    assert_failed_over(stage.simulator, job, before)
    assert status_body(job, now=stage.service.clock.now())["job_details"]["rollback_window"] is None


def test_a_commit_asked_for_at_the_start_is_done_at_the_end_of_the_window_and_recorded() -> None:
    stage, job, _ = _failed_over(rollback_window="4h", after_rollback_window="commit")

    for_seconds(stage, 3.9 * HOURS)
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED
    for_seconds(stage, 0.2 * HOURS)
    carry_on(stage)

    assert_committed(stage, job)
    assert job.events.get(kind="commit_requested").actor == CLOCK


def test_a_rollback_asked_for_at_the_start_is_done_at_the_end_of_the_window_and_recorded() -> None:
    stage, job, before = _failed_over(rollback_window="4h", after_rollback_window="roll_back")
    assert any("rolled back by itself" in warning for warning in job.warnings)

    for_seconds(stage, 4.1 * HOURS)
    carry_on(stage)

    assert_rolled_back(stage, job, before)
    event = job.events.get(kind="rollback_requested")
    assert event.actor == CLOCK
    assert "Asked for at the start" in event.fields["reason"]


def test_a_rollback_by_the_clock_never_stops_a_vm_that_it_cannot_bring_back() -> None:
    stage, job, _ = _failed_over(rollback_window="4h", after_rollback_window="roll_back")
    stage.simulator.call("deleteSnapshot", id=job.snapshot_id)

    for_seconds(stage, 6.0 * HOURS)

    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None and target.state == "Running"
    (event,) = job.events.filter(kind="rollback_window_over")
    assert job.snapshot_id in event.message


def test_a_window_that_ends_while_no_process_lives_is_heeded_afterwards() -> None:
    stage, job, _ = _failed_over(rollback_window="4h", after_rollback_window="commit")

    without_service(stage, 10.0 * HOURS)
    for_seconds(stage, 60.0)
    carry_on(stage)

    assert_committed(stage, job)


@pytest.mark.slow
def test_an_extended_window_ends_later() -> None:
    stage, job, _ = _failed_over(rollback_window="4h", after_rollback_window="commit")
    first = job.rollback_window_ends_at

    verbs.extend(engine=stage.service.engine, job_id=job.job_id, duration="4h", actor="olga")
    for_seconds(stage, 7.0 * HOURS)

    job.refresh_from_db()
    assert first is not None
    assert (job.outcome, job.rollback_window_ends_at) == (Outcome.SUCCEEDED, first + timedelta(hours=4))
    for_seconds(stage, 1.5 * HOURS)
    carry_on(stage)
    assert_committed(stage, job)


def test_a_failover_without_a_window_has_none_to_extend() -> None:
    stage, job, _ = _failed_over()

    with pytest.raises(CannotExtend, match="no rollback window"):
        verbs.extend(engine=stage.service.engine, job_id=job.job_id, duration="1h", actor="olga")


@pytest.mark.slow
def test_other_work_on_the_vm_puts_the_end_off_and_does_not_cancel_it() -> None:
    stage, job, _ = _failed_over(rollback_window="4h", after_rollback_window="commit")
    reserve(vm=job.vm, kind="failover", reference="other-work", now=stage.service.clock.now())  # type: ignore[arg-type]

    for_seconds(stage, 5.0 * HOURS)
    job.refresh_from_db()
    assert (job.state, job.plans.filter(kind=PlanKind.COMMIT).count()) == (JobState.FINISHED, 0)
    release(vm=job.vm, reference="other-work")
    for_seconds(stage, 120.0)
    carry_on(stage)

    assert_committed(stage, job)


def test_the_status_shows_the_clock_of_the_window() -> None:
    stage, job, _ = _failed_over(rollback_window="4h", after_rollback_window="commit")

    shown = status_body(job, now=stage.service.clock.now())["job_details"]

    assert shown["rollback_window"] == {
        "seconds": 14400,
        "ends_at": job.rollback_window_ends_at,
        "then": "commit",
        "over_since": None,
    }
    assert shown["custom_config"]["rollback_window"] == "4h"


@pytest.mark.slow
@pytest.mark.parametrize("then", ["commit", "roll_back"])
def test_a_clock_that_jumps_ahead_for_a_while_ends_no_way_back_early(then: str) -> None:
    stage, job, before = _failed_over(rollback_window="4h", after_rollback_window=then)

    stage.service.clock.ahead = 24 * HOURS
    for_seconds(stage, 300.0)
    stage.service.clock.ahead = 0.0
    for_seconds(stage, 3.5 * HOURS)
    assert job.plans.count() == 1
    assert_failed_over(stage.simulator, job, before)
    for_seconds(stage, 0.5 * HOURS)
    carry_on(stage)

    if then == "commit":
        assert_committed(stage, job)
    else:
        assert_rolled_back(stage, job, before)


class _OneRound(threading.Event):
    """Stops whoever waits for it, so that a loop that runs for ever goes round once."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self.set()
        return True


def test_the_watcher_ends_no_rollback_window_so_that_no_silent_cloud_holds_it_up() -> None:
    stage, job, _ = _failed_over(rollback_window="4h", after_rollback_window="commit")
    without_service(stage, 5.0 * HOURS)
    asked = stage.simulator.calls.count("listAsyncJobs")

    _keeper(stage).watch_forever()
    assert (stage.simulator.calls.count("listAsyncJobs"), job.plans.count()) == (asked, 1)
    _keeper(stage).end_windows_forever()

    assert job.plans.filter(kind=PlanKind.COMMIT).exists()


def _keeper(stage: Scene) -> Keeper:
    keeper = Keeper(stage.service.engine, stage.service.gateway, stop=_OneRound())
    keeper.register()
    return keeper
