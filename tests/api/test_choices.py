"""Whoever sends a word that is none of the choices is told which there are."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from inventory.models import ProtectedVM
from tests.support.inventory_of import ScenarioInventory

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm(world_rows: ScenarioInventory) -> ProtectedVM:
    """Give a VM."""
    return world_rows.vms["two"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("failover/jobs?status=nonsense", "powering_on"),
        ("failover/jobs?type=nonsense", "live, test"),
        ("failover/jobs?state=nonsense", "waiting_for_operator"),
        ("failover/jobs?outcome=nonsense", "rolled_back"),
        ("debug/logs?level=nonsense", "warning"),
        ("debug/failover-jobs?status=nonsense", "powering_on"),
    ],
)
def test_a_filter_of_another_word_is_refused_with_the_words_there_are(
    operator: APIClient, query: str, named: str
) -> None:
    answer = operator.get(f"/api/v1/{query}")

    assert answer.status_code == 400, answer.content
    assert '"nonsense" is not a valid choice; there are: ' in answer.json()["error"]
    assert named in answer.json()["error"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"priority": "urgent"}, "low, normal, high"),
        ({"custom_config": {"stalled_replication": "yes"}}, "accept"),
        ({"custom_config": {"test_strategy": "fast"}}, "clone, detached_clone, boot_and_revert"),
    ],
)
def test_a_start_with_another_word_is_refused_with_the_words_there_are(
    operator: APIClient, vm: ProtectedVM, change: dict[str, Any], named: str
) -> None:
    answer = operator.post("/api/v1/failover/test", {"vm_id": vm.vm_id, "test_duration": "30m", **change})

    assert answer.status_code == 400, answer.content
    assert f"is not a valid choice; there are: {named}." in answer.json()["error"]


def test_readiness_for_another_kind_names_the_kinds(viewer: APIClient, vm: ProtectedVM) -> None:
    answer = viewer.get(f"/api/v1/failover/{vm.vm_id}/readiness?type=drill")

    assert (answer.status_code, "there are: live, test." in answer.json()["error"]) == (400, True)
