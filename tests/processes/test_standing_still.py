"""This will show, in virtual time, that a job never waits for long on a bell that died with its process."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs.engine import decisions
from jobs.engine.leases import take_role
from jobs.engine.sweeper import ROLE
from jobs.models import AttemptState, ProcessLease, RoleLease, StepAttempt
from tests.support.first_everywhere import first_everywhere
from tests.support.service import Service

GOES_ON_WITHIN = 20.0
REAL_SERVICE_TAKES = 3.0
CALLS = (
    "detachVolume",
    "createSnapshot",
    "deleteVolume",
    "updateVirtualMachine",
    "attachVolume",
    "startVirtualMachine",
)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("command", first_everywhere(CALLS))
def test_an_intent_of_a_dead_process_is_taken_over_within_seconds(service: Service, command: str, moment: str) -> None:
    service.start_live("vm-one")
    service.kill_at(command, moment=moment)
    service.run(until=lambda: service.kills_fired == 1)
    killed_at = service.clock.now()

    service.run(until=lambda: not StepAttempt.objects.filter(state=AttemptState.INTENDED).exists())

    assert (service.clock.now() - killed_at).total_seconds() < GOES_ON_WITHIN


@pytest.mark.slow
@pytest.mark.parametrize("command", first_everywhere([*CALLS, "deployVirtualMachine"]))
def test_a_call_that_a_dead_process_never_made_is_made_again_within_seconds(service: Service, command: str) -> None:
    service.start_live("vm-one")
    calls = service.simulator.calls
    service.kill_at(command, moment="before")
    service.run(until=lambda: service.kills_fired == 1)
    killed_at, made_before = service.clock.now(), calls.count(command)

    service.run(until=lambda: calls.count(command) > made_before)

    # A real service takes some seconds more: to start, and to look as often as it does.
    assert (service.clock.now() - killed_at).total_seconds() < GOES_ON_WITHIN - REAL_SERVICE_TAKES


def test_an_answer_whose_bell_was_lost_is_settled_within_seconds(service: Service) -> None:
    service.start_live("vm-one")
    service.run(until=lambda: StepAttempt.objects.filter(state=AttemptState.SUBMITTED).exists())
    service.bell.mute = True
    service.run(until=lambda: StepAttempt.objects.filter(state=AttemptState.ANSWERED).exists())
    answered_at = service.clock.now()

    service.bell.mute = False
    service.run(until=lambda: not StepAttempt.objects.filter(state=AttemptState.ANSWERED).exists())

    assert (service.clock.now() - answered_at).total_seconds() < GOES_ON_WITHIN


def test_a_synchronous_answer_that_nobody_read_back_is_looked_at_soon(service: Service) -> None:
    job = service.start_live("vm-one")
    service.run(until=lambda: StepAttempt.objects.filter(state=AttemptState.SUBMITTED).exists())
    # As a process leaves it that dies between the answer of a synchronous call and its reading back.
    StepAttempt.objects.filter(state=AttemptState.SUBMITTED).update(
        state=AttemptState.ANSWERED, answer={"kind": "finished"}, answered_at=service.clock.now()
    )

    decisions.decide(service.engine, job_id=job.pk)

    job.refresh_from_db()
    assert job.next_look_at is not None
    assert (job.next_look_at - service.clock.now()).total_seconds() < GOES_ON_WITHIN


def test_an_intent_whose_process_died_before_its_first_beat_is_taken_over(service: Service) -> None:
    service.start_live("vm-one")
    service.kill_at("createSnapshot", moment="after")
    service.run(until=lambda: service.kills_fired == 1)
    killed_at = service.clock.now()
    ProcessLease.objects.all().delete()

    service.run(until=lambda: not StepAttempt.objects.filter(state=AttemptState.INTENDED).exists())

    assert (service.clock.now() - killed_at).total_seconds() < GOES_ON_WITHIN


def test_the_watchers_role_is_free_when_its_holder_died_before_its_first_beat(service: Service) -> None:
    now = service.clock.now()
    RoleLease.objects.create(role=ROLE, owner="nobody", valid_until=now + timedelta(seconds=15))

    assert take_role(service.engine, role=ROLE)


def test_the_watchers_role_of_a_living_process_is_not_taken(service: Service) -> None:
    now = service.clock.now()
    later = now + timedelta(seconds=15)
    ProcessLease.objects.create(owner="far", host="elsewhere", pid=1, started_at=now, valid_until=later)
    RoleLease.objects.create(role=ROLE, owner="far", valid_until=later)

    assert not take_role(service.engine, role=ROLE)
