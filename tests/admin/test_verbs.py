"""This will show that the admin's verbs do what the API's do, with a reason, and for nobody below an operator."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cloudstack_simulator.server import SimulatorServer
from inventory.models import ProtectedVM
from jobs.console.verbs import VERBS
from jobs.models import FailoverJob, JobState, Question
from networks.services import MappingWish, create_mapping
from tests.support.inventory_of import VM_NETWORK, ScenarioInventory
from tests.support.service import Service
from tests.support.serving import reached_by_doors


def _vm_id() -> str:
    return ProtectedVM.objects.get(name="one").vm_id


def _address(job: FailoverJob, verb: str, *more: Any) -> str:
    return reverse(f"admin:jobs_failoverjob_{verb}", args=[job.pk, *more])


def test_a_cancel_asks_for_a_reason_and_keeps_it(operator: Client, service: Service) -> None:
    job = service.start_live(_vm_id())

    unexplained = operator.post(_address(job, "cancel"), {"reason": ""})
    untouched = FailoverJob.objects.get(pk=job.pk).cancel_requested_at
    explained = operator.post(_address(job, "cancel"), {"reason": "wrong VM"})

    assert (unexplained.status_code, untouched) == (200, None)
    assert explained.status_code == 302
    job.refresh_from_db()
    event = job.events.get(kind="cancel_requested")
    assert (job.cancel_requested_by, event.actor, event.fields["reason"]) == (
        "operator-user",
        "operator-user",
        "wrong VM",
    )


def test_a_finished_job_is_not_cancelled_and_the_page_says_why(operator: Client, service: Service) -> None:
    job = service.start_live(_vm_id())
    service.run()

    for answer in (
        operator.get(_address(job, "cancel")),
        operator.post(_address(job, "cancel"), {"reason": "late"}),
    ):
        assert answer.status_code == 200
        assert "finished" in answer.content.decode()
    job.refresh_from_db()
    assert job.cancel_requested_at is None


def test_a_question_is_answered_with_its_choice_and_with_no_other(operator: Client, service: Service) -> None:
    job = service.start_live(_vm_id())
    question = Question.objects.create(
        job=job,
        kind="unclear",
        text="Which?",
        choices=[{"choice": "leave", "effect": "Goes on."}],
        asked_at=job.created_at,
    )

    assert operator.get(_address(job, "answer", question.pk, "destroy")).status_code == 404
    assert "Goes on." in operator.get(_address(job, "answer", question.pk, "leave")).content.decode()
    assert operator.post(_address(job, "answer", question.pk, "leave"), {"reason": "seen"}).status_code == 302
    again = operator.post(_address(job, "answer", question.pk, "leave"), {"reason": "seen"})

    question.refresh_from_db()
    assert (question.answer, question.answered_by, question.answer_reason) == ("leave", "operator-user", "seen")
    assert "answered already" in again.content.decode()


def test_a_rollback_says_what_is_lost_and_wants_the_name_of_the_vm(operator: Client, service: Service) -> None:
    job = service.start_live(_vm_id())
    service.run()
    address = _address(job, "rollback")
    with reached_by_doors(service.simulator):
        _assert_rollback_asks_for_the_name(operator, job, address)
    assert job.plans.filter(kind="rollback").count() == 1


def test_a_rollback_that_cannot_be_done_is_said_before_it_is_asked_for(operator: Client, service: Service) -> None:
    job = service.start_live(_vm_id())
    service.run()
    job.refresh_from_db()
    service.simulator.call("deleteSnapshot", id=job.snapshot_id)
    service.clock.stepped.advance(60.0)
    with reached_by_doors(service.simulator):
        text = operator.get(_address(job, "rollback")).content.decode()

    assert "the way back is incomplete" in text
    assert job.snapshot_id in text


def _assert_rollback_asks_for_the_name(operator: Client, job: FailoverJob, address: str) -> None:
    assert "Lost will be all that one wrote since" in operator.get(address).content.decode()
    misnamed = operator.post(address, {"reason": "no good", "typed_name": "two"}).content.decode()
    untouched = job.plans.count()
    named = operator.post(address, {"reason": "no good", "typed_name": "one"})

    assert "type its name" in misnamed
    assert (untouched, named.status_code) == (1, 302)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_viewer_uses_no_verb(viewer: Client, service: Service, verb: str) -> None:
    job = service.start_live(_vm_id())

    assert viewer.get(_address(job, verb)).status_code == 403
    assert viewer.post(_address(job, verb), {"reason": "no"}).status_code == 403
    assert _address(job, "cancel") not in viewer.get(_address(job, "timeline")).content.decode()
    assert viewer.post(_start(job.vm, "live"), {"reason": "no", "vm_name": "one"}).status_code == 403
    assert FailoverJob.objects.count() == 1


# --- starts, against a cloud over HTTP ---


def _start(vm: ProtectedVM, kind: str) -> str:
    return reverse(f"admin:inventory_protectedvm_start_{kind}", args=[vm.pk])


@pytest.fixture
def vm(inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give a VM that is mapped for a live failover and not for a test."""
    answer = json.loads(cloud.simulator.call("listNetworks").body)["listnetworksresponse"]
    ids = {network["name"]: network["id"] for network in answer["network"]}
    vm = inventory.vms["one"]
    create_mapping(vm=vm, wish=MappingWish(source_network_name=VM_NETWORK, destination_network_id=ids["OSSEA-L2"]))
    return vm


def test_the_page_of_a_start_shows_the_plan_and_starts_nothing(operator: Client, vm: ProtectedVM) -> None:
    text = operator.get(_start(vm, "live")).content.decode()

    assert "Ready: this was checked just now" in text
    assert "steps" in text
    assert FailoverJob.objects.count() == 0


def test_a_live_failover_starts_when_the_vm_was_named_and_a_reason_given(operator: Client, vm: ProtectedVM) -> None:
    misnamed = operator.post(_start(vm, "live"), {"reason": "fire", "vm_name": "two"})
    none = FailoverJob.objects.count()
    started = operator.post(_start(vm, "live"), {"reason": "fire", "vm_name": "one"})

    assert (misnamed.status_code, none) == (200, 0)
    job = FailoverJob.objects.get()
    assert started["Location"] == reverse("admin:jobs_failoverjob_change", args=[job.pk])
    assert (job.requested_by, job.reason, job.job_type, job.state) == ("operator-user", "fire", "live", JobState.QUEUED)
    assert (job.vm_name, job.unknown_fields) == ("one", {})


def test_a_test_without_networks_is_refused_with_what_to_do(operator: Client, vm: ProtectedVM) -> None:
    shown = operator.get(_start(vm, "test")).content.decode()
    refused = operator.post(_start(vm, "test"), {"reason": "drill", "test_duration": "2h"}).content.decode()

    for text in (shown, refused):
        assert "Not possible now" in text and "What to do" in text
    assert FailoverJob.objects.count() == 0


def test_a_duration_that_is_none_is_named_at_its_field(operator: Client, vm: ProtectedVM) -> None:
    text = operator.post(_start(vm, "test"), {"reason": "drill", "test_duration": "soon"}).content.decode()

    assert "errorlist" in text
    assert FailoverJob.objects.count() == 0


def test_the_page_of_a_vm_shows_what_was_found_and_offers_the_starts(
    operator: Client, viewer: Client, vm: ProtectedVM
) -> None:
    operator.get(_start(vm, "live"))
    page = reverse("admin:inventory_protectedvm_change", args=[vm.pk])

    text = operator.get(page).content.decode()

    assert "Live: ready" in text and "Test: never checked" in text
    assert _start(vm, "live") in text
    assert _start(vm, "live") not in viewer.get(page).content.decode()


def test_a_cleanup_is_forced_only_where_the_box_is_ticked(operator: Client, service: Service) -> None:
    job = service.start_live(_vm_id())
    FailoverJob.objects.filter(pk=job.pk).update(job_type="test")

    asked = operator.post(_address(job, "cleanup"), {"reason": "over"})
    unforced = job.events.filter(kind="cleanup_forced").exists()
    forced = operator.post(_address(job, "cleanup"), {"reason": "the lab closes", "force": "on"})

    assert (asked.status_code, unforced, forced.status_code) == (302, False, 302)
    assert job.events.get(kind="cleanup_forced").fields["reason"] == "the lab closes"
