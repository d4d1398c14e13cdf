"""This will prove which history may be purged, and that the audit of it stays and verifies."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from cloudstack_simulator import Fault
from jobs import services
from jobs.audit_trail import timeline_faults
from jobs.history import old_jobs, purge
from jobs.models import FailoverJob, JobEvent, JobState
from tests.support.scenes import Scene, scene

pytestmark = pytest.mark.django_db

VM = "vm-one"


def _tested(stage: Scene, *, faults: int = 0) -> FailoverJob:
    job = stage.service.start_test(VM)
    stage.service.run(until=lambda: FailoverJob.objects.filter(pk=job.pk, state=JobState.WINDOW_OPEN).exists())
    stage.simulator.faults.add(Fault("deleteSnapshot", "refuse", times=faults))
    stage.service.clean_up(job)
    stage.service.run()
    return FailoverJob.objects.get(pk=job.pk)


def _obstacles(stage: Scene) -> list[str]:
    return [old.obstacle for old in old_jobs(ended_before=stage.service.clock.now() + timedelta(days=1))]


def test_a_test_that_left_nothing_is_purged_and_the_audit_of_it_stays() -> None:
    stage = scene()
    job = _tested(stage)

    (old,) = old_jobs(ended_before=stage.service.clock.now() + timedelta(days=1))
    assert purge(old) and not purge(old)

    assert not FailoverJob.objects.exists() and not JobEvent.objects.exists()
    kinds = AuditEvent.objects.filter(subject=f"job:{job.job_id}").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["created", "cleanup_requested", "timeline_sealed", "history_purged"]
    assert timeline_faults() == []


def test_what_ended_lately_is_not_old() -> None:
    stage = scene()
    _tested(stage)

    assert old_jobs(ended_before=stage.service.clock.now() - timedelta(days=1)) == []


def test_a_failover_whose_way_back_is_open_stays() -> None:
    stage = scene()
    stage.service.start_live(VM)
    stage.service.run()

    (obstacle,) = _obstacles(stage)
    assert "way back is open" in obstacle


def test_a_test_with_something_left_stays() -> None:
    stage = scene()
    job = _tested(stage, faults=5)
    question = job.questions.get(answered_at__isnull=True)
    services.answer(
        engine=stage.service.engine, job_id=job.job_id, question_id=question.pk, choice="skip", actor="tester"
    )
    stage.service.run()

    (obstacle,) = _obstacles(stage)
    assert "left in the cloud" in obstacle


def test_a_job_that_waits_or_has_its_window_open_is_not_even_looked_at() -> None:
    stage = scene()
    _tested(stage, faults=5)

    assert _obstacles(stage) == []


def test_the_command_is_dry_by_default_and_says_what_it_does() -> None:
    stage = scene()
    job = _tested(stage)
    FailoverJob.objects.update(completed_at=stage.service.clock.now() - timedelta(days=36500))

    assert _purge("--older-than", "90d") == (1, f"would be purged: {job.job_id}.\n")
    assert _purge("--older-than", "90", "--apply") == (0, f"purged: {job.job_id}.\n")
    with pytest.raises(CommandError):
        call_command("purge_history", "--older-than", "soon")


def _purge(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("purge_history", *words, stdout=out)
    return int(left.value.code or 0), out.getvalue()
