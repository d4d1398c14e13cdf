"""This will prove that jobs tell what becomes of them, in the transactions in which it happens."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from cloudstack_simulator import Simulator
from cloudstack_simulator.faults import Fault
from jobs import services
from jobs.models import FailoverJob, JobState, Outcome
from networks.models import NetworkMapping
from notifications.models import Delivery, Notification
from tests.conftest import network_ids
from tests.notifications.conftest import subscribe
from tests.support.inventory_of import ScenarioInventory
from tests.support.service import Service

pytestmark = pytest.mark.django_db


def events(job: FailoverJob) -> list[str]:
    return list(Notification.objects.filter(subject=job.job_id).order_by("pk").values_list("event", flat=True))


def test_a_live_failover_tells_its_begin_and_its_end(service: Service, world_rows: ScenarioInventory) -> None:
    config = {"email": "ops@example.net", "slack_webhook": "https://hooks.slack.com/services/T/B/x"}
    with structlog.contextvars.bound_contextvars(request_id="req-4711"):
        job = service.start_live(world_rows.vms["one"].vm_id, notification_config=config)

    service.run()

    assert events(job) == ["started", "finished"]
    end = Notification.objects.get(event="finished")
    assert (end.email, end.slack_webhook) == (config["email"], config["slack_webhook"])
    assert (end.body["outcome"], end.body["request_id"]) == ("succeeded", "req-4711")


def test_a_test_tells_when_its_vm_runs_when_it_is_overdue_and_when_it_was_cleaned_up(
    service: Service, world_rows: ScenarioInventory, simulator: Simulator
) -> None:
    vm = world_rows.vms["one"]
    test_network = network_ids(simulator)["OSSEA-TEST-L2"]
    for source in vm.nics.values_list("network_name", flat=True):
        NetworkMapping.objects.create(
            vm=vm, source_network_name=source, destination_network_id=test_network, is_test_network=True
        )
    job = service.start_test(vm.vm_id, window_seconds=600)
    service.run(until=lambda: FailoverJob.objects.filter(overdue_since__isnull=False).exists())

    service.clean_up(FailoverJob.objects.get())
    service.run()

    assert events(job) == ["started", "running", "overdue", "cleanup_done", "finished"]


def test_a_question_is_told_once(service: Service, world_rows: ScenarioInventory, simulator: Simulator) -> None:
    simulator.faults.add(Fault("startVirtualMachine", "fail", times=9))
    job = service.start_live(world_rows.vms["one"].vm_id)

    service.run()

    job.refresh_from_db()
    assert job.state == JobState.WAITING_FOR_OPERATOR
    assert events(job) == ["started", "question"]
    assert Notification.objects.get(event="question").words == job.questions.get().text


def test_a_cancelled_job_says_so(service: Service, world_rows: ScenarioInventory) -> None:
    job = service.start_live(world_rows.vms["one"].vm_id)
    services.cancel(engine=service.engine, job_id=job.job_id, actor="tester")

    service.run()

    assert Notification.objects.get(event="finished").body["outcome"] == Outcome.CANCELLED


def test_a_dead_receiver_slows_no_job(service: Service, world_rows: ScenarioInventory, settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["http://127.0.0.1:9"]
    subscribe("http://127.0.0.1:9/")
    job = service.start_live(world_rows.vms["one"].vm_id)

    service.run()

    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED
    # Nothing of the job even made a delivery: that is the deliverer's work, which did not run here at all.
    assert (Notification.objects.count(), Delivery.objects.count()) == (2, 0)
