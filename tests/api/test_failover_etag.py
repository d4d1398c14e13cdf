"""This will prove that whoever polls a status learns of every change, and pays little where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from cloudstack_simulator import Fault, Simulator
from inventory.models import TargetCloud
from jobs.models import FailoverJob
from jobs.services import answer, cancel
from tests.support.inventory_of import ScenarioInventory
from tests.support.mapped import map_both
from tests.support.service import Service

pytestmark = pytest.mark.django_db


class Poller:
    """Reads a status again and again, and holds every tag to the one body that it named."""

    def __init__(self, client: APIClient, job: FailoverJob) -> None:
        self._client, self._path = client, f"/api/v1/failover/{job.job_id}/status"
        self.bodies: dict[str, Any] = {}
        self.tags: list[str] = []

    def look(self) -> None:
        """Read once; a body that differs under a tag that was seen before is a lie."""
        response = self._client.get(self._path)
        body = response.json()
        for moving in ("duration", "request_id"):
            del body[moving]
        tag = response["ETag"]
        assert self.bodies.setdefault(tag, body) == body
        if not self.tags or self.tags[-1] != tag:
            self.tags.append(tag)
        assert self._client.get(self._path, HTTP_IF_NONE_MATCH=tag).status_code == 304


@pytest.mark.slow
def test_a_live_failover_with_a_lost_answer_never_changes_under_its_tag(
    viewer: APIClient, service: Service, simulator: Simulator, world_rows: ScenarioInventory
) -> None:
    simulator.faults.add(Fault("deployVirtualMachine", "lost_answer"))
    job = service.start_live(world_rows.vms["two"].vm_id, custom_config={"debug_mode": True})
    poller = Poller(viewer, job)

    poller.look()
    service.run(at_each_step=poller.look)
    poller.look()

    assert len(poller.tags) > 5


@pytest.mark.slow
@pytest.mark.any_database
def test_a_test_with_its_cleanup_never_changes_under_its_tag(
    viewer: APIClient, service: Service, simulator: Simulator, world_rows: ScenarioInventory
) -> None:
    world_rows.vms["one"].network_mappings.all().delete()
    map_both([world_rows.vms["one"]], simulator)
    job = service.start_test(world_rows.vms["one"].vm_id, auto_cleanup=True)
    poller = Poller(viewer, job)

    poller.look()
    ended = FailoverJob.objects.filter(pk=job.pk, state="finished").exists
    service.run(at_each_step=poller.look, until=ended)

    job.refresh_from_db()
    assert job.outcome == "succeeded"
    assert len(poller.tags) > 5


@pytest.mark.slow
@pytest.mark.any_database
def test_a_question_its_answer_and_an_undo_are_changes(
    viewer: APIClient, service: Service, simulator: Simulator, world_rows: ScenarioInventory
) -> None:
    simulator.faults.add(Fault("attachVolume", "refuse", times=1000))
    simulator.faults.add(Fault("deleteSnapshot", "refuse", times=1000))
    job = service.start_live(world_rows.vms["one"].vm_id)
    poller = Poller(viewer, job)
    service.run(at_each_step=poller.look)

    for question in job.questions.filter(answered_at=None):
        answer(
            engine=service.engine, job_id=job.job_id, question_id=question.pk, choice="skip", actor="tester", reason=""
        )
        poller.look()
    service.run(at_each_step=poller.look)

    assert len(poller.tags) > 5


def test_a_cancel_is_a_change(viewer: APIClient, service: Service, world_rows: ScenarioInventory) -> None:
    job = service.start_live(world_rows.vms["one"].vm_id)
    poller = Poller(viewer, job)
    poller.look()

    cancel(engine=service.engine, job_id=job.job_id, actor="tester")
    poller.look()

    assert len(poller.tags) == 2


@pytest.mark.slow
@pytest.mark.any_database
def test_to_move_up_in_the_queue_is_a_change(
    viewer: APIClient, service: Service, world_rows: ScenarioInventory
) -> None:
    TargetCloud.objects.update(most_running=1)
    for name in ("one", "two"):
        service.start_live(world_rows.vms[name].vm_id)
    poller = Poller(viewer, service.start_live(world_rows.vms["three"].vm_id))

    service.run(at_each_step=poller.look)

    queues = [body["queue"] for body in poller.bodies.values()]
    assert [queue["position"] for queue in queues if queue] == [2, 1]


def test_a_tag_is_weak_compared_weakly_and_one_of_many_is_enough(
    viewer: APIClient, service: Service, world_rows: ScenarioInventory
) -> None:
    job = service.start_live(world_rows.vms["one"].vm_id)
    path = f"/api/v1/failover/{job.job_id}/status"
    tag = viewer.get(path)["ETag"]

    def status(known: str) -> int:
        return int(viewer.get(path, HTTP_IF_NONE_MATCH=known).status_code)

    assert tag.startswith('W/"')
    assert [status(tag), status(tag.removeprefix("W/")), status(f'"old", {tag}'), status("*")] == [304] * 4
    assert [status('"old"'), status(""), status("nonsense")] == [200] * 3


def test_an_answer_at_hand_is_not_sent_again_and_costs_less(
    viewer: APIClient, service: Service, world_rows: ScenarioInventory
) -> None:
    job = service.start_live(world_rows.vms["one"].vm_id)
    service.run()
    path = f"/api/v1/failover/{job.job_id}/status"
    with CaptureQueriesContext(connection) as whole:
        tag = viewer.get(path)["ETag"]

    with CaptureQueriesContext(connection) as short:
        response = viewer.get(path, HTTP_IF_NONE_MATCH=tag)

    assert (response.content, response["ETag"], response["Cache-Control"]) == (b"", tag, "private, no-cache")
    assert len(short) < len(whole)
