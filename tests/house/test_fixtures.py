"""This will show that the shared fixtures hold a world that fails over, away from the tree's own files."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from jobs.models import JobStatus
from tests.support.inventory_of import ScenarioInventory
from tests.support.service import Service

ROOT = Path(__file__).parents[2]


def test_tests_write_nothing_into_the_tree() -> None:
    assert not Path(settings.VAR_DIR).is_relative_to(ROOT)
    assert not Path(settings.DATABASES["default"]["NAME"]).is_relative_to(ROOT)


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_every_vm_of_the_fixtures_fails_over(name: str, service: Service, world_rows: ScenarioInventory) -> None:
    job = service.start_live(world_rows.vms[name].vm_id)
    service.run()
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED, service.describe()
