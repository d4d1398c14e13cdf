"""The replication engine dies in a sync: readiness says what the replica holds, and a person may go on from it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from inventory.models import Replication, ReplicationKind, ReplicationStatus
from jobs.errors import ContradictoryOptions
from jobs.models import FailoverJob, Outcome
from jobs.presentation import status_body
from tests.support.scenes import Scene, scene
from tests.support.telling import carry_on
from tests.support.worlds import assert_failed_over, remember
from validation.errors import NotReady

pytestmark = pytest.mark.django_db

ACCEPT = {"stalled_replication": "accept"}


def _replicating(stage: Scene, *, silent_for: timedelta) -> Replication:
    now = stage.service.clock.now()
    return Replication.objects.create(
        vm=stage.inventory.vms["two"],
        replication_id="sync-7",
        kind=ReplicationKind.INCREMENTAL,
        status=ReplicationStatus.REPLICATING,
        percentage=43.0,
        started_at=now - silent_for - timedelta(minutes=5),
        last_word_at=now - silent_for,
    )


def test_a_replication_that_was_heard_of_is_active_and_cannot_be_overruled() -> None:
    stage = scene()
    _replicating(stage, silent_for=timedelta(minutes=14))

    with pytest.raises(NotReady, match="active migration jobs"):
        stage.service.start_live("vm-two", vm_name="two", reason="the site burns", custom_config=ACCEPT)


def test_a_silent_replication_is_stalled_and_readiness_says_what_the_replica_holds_and_how_to_go_on() -> None:
    stage = scene()
    _replicating(stage, silent_for=timedelta(minutes=16))

    with pytest.raises(NotReady, match="sync-7 is stalled") as refused:
        stage.service.start_live("vm-two", skip_validation=True)

    (found,) = [judged.finding for judged in refused.value.blocking]
    told = found.details["stalled_replication"]
    assert (told["torn_percentage"], told["last_sync_at"] is not None) == (43.0, True)
    assert "43 % of the torn one" in found.message
    assert any("stalled_replication" in action and '"two"' in action for action in found.required_actions)


@pytest.mark.parametrize(
    ("name", "reason", "field"), [("", "the site burns", "vm_name"), ("one", "fire", "vm_name"), ("two", " ", "reason")]
)
def test_nobody_goes_on_from_a_torn_replica_without_its_name_and_a_reason(name: str, reason: str, field: str) -> None:
    stage = scene()
    _replicating(stage, silent_for=timedelta(hours=1))

    with pytest.raises(ContradictoryOptions, match=field):
        stage.service.start_live("vm-two", vm_name=name, reason=reason, custom_config=ACCEPT)

    assert FailoverJob.objects.count() == 0


def test_a_live_failover_goes_on_from_what_is_there_and_that_is_shown_for_ever() -> None:
    stage = scene()
    before = remember(stage.simulator)
    _replicating(stage, silent_for=timedelta(hours=1))

    job = stage.service.start_live("vm-two", vm_name="two", reason="the site burns", custom_config=ACCEPT)
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)
    Replication.objects.all().delete()
    shown = status_body(FailoverJob.objects.get(pk=job.pk), now=stage.service.clock.now())["job_details"]
    torn = shown["stalled_replication"]
    assert (torn["replication_id"], torn["torn_percentage"], torn["accepted_by"]) == ("sync-7", 43.0, "tester")
    event = AuditEvent.objects.get(kind="stalled_replication_accepted")
    assert "the site burns" in str(event.fields)


def test_an_engine_that_speaks_again_before_the_disks_are_taken_stops_the_failover() -> None:
    stage = scene()
    run = _replicating(stage, silent_for=timedelta(hours=1))
    job = stage.service.start_live("vm-two", vm_name="two", reason="the site burns", custom_config=ACCEPT)
    Replication.objects.filter(pk=run.pk).update(last_word_at=stage.service.clock.now(), percentage=44.0)

    carry_on(stage)

    job.refresh_from_db()
    assert job.outcome == Outcome.FAILED
    assert stage.simulator.calls.count("detachVolume") == 0


def test_a_test_may_try_what_a_torn_replica_is_good_for() -> None:
    stage = scene()
    _replicating(stage, silent_for=timedelta(hours=1))

    job = stage.service.start_test("vm-two", vm_name="two", reason="try it", custom_config=ACCEPT)
    carry_on(stage)

    job.refresh_from_db()
    assert job.window_opened_at is not None
