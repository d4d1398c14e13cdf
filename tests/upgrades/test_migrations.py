"""A database in which a job is under way is migrated to this release, and the job goes on from the rows it finds."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from inventory.models import HoldMethod
from jobs.models import FailoverJob
from tests.support.scenes import scene
from tests.support.worlds import assert_failed_over, assert_journal_agrees, remember

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def _migrations_of_jobs() -> list[str]:
    """Give the names of the migrations of jobs, oldest first."""
    return sorted(name for app, name in MigrationLoader(connection).disk_migrations if app == "jobs")


# Of the release before, of the one before that, and so on: each step back must be possible, and what it left be enough.
@pytest.mark.parametrize("back", [1, 2, 3, 4])
def test_a_job_in_flight_goes_on_after_the_migration_from_an_earlier_state(back: int) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-two")
    stage.service.run(until=lambda: stage.simulator.calls.count("createSnapshot") == 2)
    stage.service.end_process()
    earlier = _migrations_of_jobs()[-1 - back]

    try:
        call_command("migrate", "jobs", earlier, verbosity=0)
    finally:
        call_command("migrate", verbosity=0)
    stage.service.start_process()
    stage.service.run()

    assert_failed_over(stage.simulator, FailoverJob.objects.get(pk=job.pk), before)
    assert_journal_agrees(stage.simulator)
