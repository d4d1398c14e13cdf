"""Credentials that cannot be opened are the trouble of one cloud: what is done for all of them goes on."""

from __future__ import annotations

import pytest

from cloudstack import Gateway
from inventory.models import TargetCloud
from inventory.secrets import SecretUnreadable
from jobs.engine.ports import Engine
from jobs.engine.watcher import Watcher
from jobs.generation.guard import GenerationGuard, keep_marks
from jobs.keeper import Keeper
from jobs.models import AttemptState, FailoverJob, Outcome, StepAttempt
from jobs.runtime import engine_with
from jobs.window_ends import heed_rollback_windows
from tests.support.scenes import Scene, scene
from tests.support.service import describe, random_ids
from tests.support.telling import carry_on, for_seconds

pytestmark = pytest.mark.django_db


def _sealed(cloud: TargetCloud) -> Gateway:
    raise SecretUnreadable(f"the credentials of {cloud.name} were sealed with another key")


def _engine_without_credentials(stage: Scene) -> Engine:
    service = stage.service
    return engine_with(
        clock=service.clock, bell=service.bell, gateways=_sealed, owner=service.engine.owner, new_id=random_ids()
    )


def test_the_watcher_goes_on_and_hears_the_answer_once_the_credentials_are_right_again() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    out = StepAttempt.objects.filter(state=AttemptState.SUBMITTED)
    stage.service.run(until=out.exists)

    watcher = Watcher(_engine_without_credentials(stage))
    stage.service.clock.stepped.advance(5.0)
    assert watcher.watch_once() == 0
    assert out.exists()

    carry_on(stage)
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED, describe(job)


def test_a_cloud_whose_credentials_cannot_be_opened_keeps_no_other_from_being_probed() -> None:
    stage = scene()
    sealed = TargetCloud.objects.get()
    other = TargetCloud.objects.create(name="other", endpoint="https://other.invalid/client/api")
    TargetCloud.objects.update(probed_at=None)

    def gateways(cloud: TargetCloud) -> Gateway:
        return _sealed(cloud) if cloud.pk == sealed.pk else stage.service.gateway(cloud)

    Keeper(stage.service.engine, gateways).probe_due()

    sealed.refresh_from_db()
    other.refresh_from_db()
    assert "sealed with another key" in sealed.probe_error
    assert other.probed_at is not None


def test_marks_and_rollback_windows_wait_for_credentials_that_cannot_be_opened() -> None:
    stage = scene()
    job = stage.service.start_live(
        "vm-one", custom_config={"rollback_window": "1h", "after_rollback_window": "roll_back"}
    )
    carry_on(stage)
    readable = GenerationGuard(stage.service.gateway, now=stage.service.clock.now)
    keep_marks(readable, new_id=random_ids(), with_tags=True)
    readable.gateways = _sealed
    keep_marks(readable, new_id=random_ids(), with_tags=True)

    stage.service.clock.stepped.advance(3601.0)
    heed_rollback_windows(_engine_without_credentials(stage))
    assert not job.plans.filter(kind="rollback").exists()

    for_seconds(stage, 120.0)
    assert FailoverJob.objects.get(pk=job.pk).plans.filter(kind="rollback").exists()
