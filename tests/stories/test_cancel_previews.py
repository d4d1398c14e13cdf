"""A cancel says first what it would undo."""

from __future__ import annotations

import pytest

from jobs import services
from jobs.errors import CannotCancel
from jobs.models import Outcome, PlanKind
from tests.support.scenes import scene
from tests.support.telling import carry_on, until_done
from tests.support.worlds import assert_all_back, remember

pytestmark = pytest.mark.django_db


def test_the_preview_of_a_cancel_is_what_the_cancel_then_does() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-two")
    until_done(stage, job, "attach-disk0")

    preview = services.cancel_preview(engine=stage.service.engine, job=job)
    job.refresh_from_db()
    assert job.cancel_requested_at is None
    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    carry_on(stage)

    assert_all_back(stage.simulator, job, before, outcome=Outcome.CANCELLED)
    done = list(job.plans.get(kind=PlanKind.COMPENSATE).steps.order_by("position").values_list("title", flat=True))
    assert set(preview["steps"]) <= set(done)
    # What was running at that moment is undone beside it, and was named.
    assert len(done) - len(preview["steps"]) <= len(preview["running"])


def test_a_cancel_before_anything_was_done_says_so() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")

    preview = services.cancel_preview(engine=stage.service.engine, job=job)

    assert (preview["words"], preview["steps"]) == ("Nothing was changed so far.", [])


def test_what_cannot_be_cancelled_has_no_preview() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    carry_on(stage)
    job.refresh_from_db()

    with pytest.raises(CannotCancel):
        services.cancel_preview(engine=stage.service.engine, job=job)
