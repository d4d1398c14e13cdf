"""This will prove that clouds are compared from time to time, that news is told once, and that nothing is disturbed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.core.mail import EmailMessage

from cloudstack import Gateway
from cloudstack_simulator.records import Volume
from inventory.models import ReplicaVolume, TargetCloud
from jobs.engine import leases
from jobs.keeper import Keeper
from jobs.models import FailoverJob, JobState, WorldLook
from jobs.verification.findings import Drift
from jobs.verification.periodic import look_when_due
from notifications.deliveries import Deliverer
from notifications.models import Delivery, Event, Notification
from notifications.sending import Sender
from tests.notifications.receiver import listening
from tests.support.scenes import Scene, scene
from tests.support.telling import carry_on, until_done

pytestmark = pytest.mark.django_db


def _look(stage: Scene, *, after: float = 900.0, every: float = 900.0) -> WorldLook | None:
    stage.service.clock.stepped.advance(after)
    calls = len(stage.simulator.calls.mutating())
    look_when_due(gateways=stage.service.gateway, clock=stage.service.clock, every_seconds=every)
    assert len(stage.simulator.calls.mutating()) == calls, "looking must change nothing"
    return WorldLook.objects.first()


def _replica(stage: Scene, vm_id: str = "vm-one") -> Volume:
    row = ReplicaVolume.objects.get(disk__vm__vm_id=vm_id, disk__position=0)
    return stage.simulator.cloud.world.volumes[row.volume_id]


def _told() -> list[dict[str, Any]]:
    return [note.body for note in Notification.objects.filter(event=Event.DRIFT).order_by("pk")]


def test_a_difference_is_kept_with_what_to_do_and_told_once_until_it_comes_again() -> None:
    stage = scene()
    volume = _replica(stage)
    home, volume.vm_id = volume.vm_id, None

    look = _look(stage)
    again = _look(stage)

    assert look is not None and again is not None
    assert look.counts == again.counts == {"volume_detached": 1}
    (finding,) = again.findings
    assert (finding["id"], finding["drift"]) == (volume.id, Drift.VOLUME_DETACHED)
    assert finding["what_to_do"]
    assert again.read_at is not None and look.read_at is not None and again.read_at > look.read_at
    (body,) = _told()
    assert (body["cloud"], [one["id"] for one in body["findings"]]) == ("simulated", [volume.id])

    volume.vm_id = home
    mended = _look(stage)
    assert mended is not None and (mended.counts, mended.findings) == ({}, [])
    volume.vm_id = None
    _look(stage)
    assert len(_told()) == 2


def test_a_cloud_that_cannot_be_read_keeps_what_was_found_and_says_why() -> None:
    stage = scene()
    _replica(stage).vm_id = None
    before = _look(stage)
    stage.simulator.restart_management_server(down_seconds=3600.0)

    look = _look(stage, after=901.0)

    assert look is not None and before is not None
    assert (look.findings, look.read_at) == (before.findings, before.read_at)
    assert look.trouble and look.began_at > before.began_at
    assert len(_told()) == 1


@pytest.mark.parametrize(("after", "every"), [(600.0, 900.0), (900.0, 0.0)])
def test_no_look_is_taken_before_its_time_or_where_it_is_switched_off(after: float, every: float) -> None:
    stage = scene()
    first = _look(stage)
    lists = stage.simulator.calls.count("listVolumes")

    look = _look(stage, after=after, every=every)

    assert look is not None and first is not None and look.began_at == first.began_at
    assert stage.simulator.calls.count("listVolumes") == lists


@pytest.mark.slow
def test_at_no_moment_of_a_failover_is_anything_told_and_the_failover_is_not_disturbed() -> None:
    stage = scene()
    job = stage.service.start_live("vm-two")

    def look() -> None:
        _look(stage, after=0.0, every=0.1)

    stage.service.run(at_each_step=look)

    job.refresh_from_db()
    assert job.outcome == "succeeded"
    assert _told() == []


def test_what_a_moving_job_has_in_hand_is_told_only_when_the_job_stands_still() -> None:
    stage = scene()
    job = stage.service.start_live("vm-two")
    until_done(stage, job, "snapshot-disk1")
    volume, stranger = _replica(stage, "vm-two"), stage.simulator.vms()
    volume.vm_id = next(vm.id for vm in stranger if vm.id != stage.inventory.appliance.virtual_machine_id)
    FailoverJob.objects.filter(pk=job.pk).update(destination_vm_id="")

    moving = _look(stage)
    FailoverJob.objects.filter(pk=job.pk).update(state=JobState.WAITING_FOR_OPERATOR)
    standing = _look(stage)

    assert moving is not None and moving.counts == {}
    assert standing is not None and standing.counts == {"foreign_attach": 1}


def test_a_look_that_another_process_has_begun_is_not_taken_twice() -> None:
    stage = scene()
    _look(stage)
    stage.service.clock.stepped.advance(900.0)
    lists = stage.simulator.calls.count("listVolumes")

    def gateway_of_the_slow(cloud: TargetCloud) -> Gateway:
        """While this process reads the cloud, another finds that a look was due, and that it was taken."""
        assert look_when_due(gateways=stage.service.gateway, clock=stage.service.clock, every_seconds=900.0) == 0
        return stage.service.gateway(cloud)

    assert look_when_due(gateways=gateway_of_the_slow, clock=stage.service.clock, every_seconds=900.0) == 1
    assert stage.simulator.calls.count("listVolumes") == lists + 1


def test_of_two_processes_one_looks() -> None:
    stage = scene()
    first = stage.service.engine
    leases.beat(first)
    assert leases.take_role(first, role="verifier")
    second = replace(first, owner="another")
    leases.beat(second)
    looked = []
    for engine in (second, first):
        keeper = Keeper(engine, stage.service.gateway)
        keeper.stop.set()
        keeper.threads()["verifier"]()
        looked.append(WorldLook.objects.count())

    assert looked == [0, 1]


def test_a_service_that_is_paused_looks_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = scene()
    carry_on(stage)
    monkeypatch.setattr("jobs.keeper.paused_reason", lambda: "older than the world")
    leases.beat(stage.service.engine)
    keeper = Keeper(stage.service.engine, stage.service.gateway)
    keeper.stop.set()

    keeper.verify_forever()

    assert not WorldLook.objects.exists()


def test_drift_goes_once_by_mail_and_once_to_slack_and_not_with_every_look(
    settings: Any, mailoutbox: list[EmailMessage]
) -> None:
    stage = scene()
    with listening() as slack:
        settings.SLACK_HOSTS, settings.EMAIL_HOST = [slack.origin], "mail.example.org"
        settings.OPERATORS_EMAIL = "operators@example.org"
        settings.OPERATORS_SLACK_WEBHOOK = f"{slack.origin}/services/token"
        _replica(stage).vm_id = None
        for _ in range(3):
            _look(stage)
            deliver_all(stage)
        _replica(stage, "vm-two").vm_id = None
        _look(stage)
        deliver_all(stage)

        posted = [json.loads(body)["text"] for _, _, body in slack.came]
    subjects = [mail.subject for mail in mailoutbox]
    assert subjects == ["Cloud simulated differs from what is recorded"] * 2
    assert [mail.to for mail in mailoutbox] == [["operators@example.org"]] * 2
    first, second = (str(mail.body) for mail in mailoutbox)
    assert "replica of one disk 0" in first and "replica of two" not in first
    assert "replica of two disk 0" in second and "replica of one" not in second
    assert [("of one disk" in text, "of two disk" in text) for text in posted] == [(True, False), (False, True)]
    assert "token" not in str(Delivery.objects.values_list("receiver", "trouble"))


def test_without_an_address_drift_goes_to_webhooks_only() -> None:
    stage = scene()
    _replica(stage).vm_id = None

    _look(stage)
    deliver_all(stage)

    assert len(_told()) == 1
    assert not Delivery.objects.exists()


def deliver_all(stage: Scene) -> None:
    """Carry out all that the outbox holds."""
    Deliverer(Sender(now=stage.service.clock.now)).deliver_due()
