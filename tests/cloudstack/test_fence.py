"""Show that a mutating request is void after its ticket's deadline, and that the deadline never moves."""

from __future__ import annotations

import pytest

from cloudstack import Fenced, NotSent, Ticket
from tests.cloudstack.scripted_cloud import JOB, NOW, VM, VOLUME, always, answer

STARTED = answer("startVirtualMachine", jobid=JOB)


@pytest.mark.parametrize(
    ("deadline", "expires"),
    [
        (NOW + 30, "2025-10-09T08:53:50+0000"),
        (NOW + 29.999, "2025-10-09T08:53:49+0000"),
        (NOW + 1.0, "2025-10-09T08:53:21+0000"),
    ],
)
def test_a_request_expires_at_its_deadline_in_whole_seconds_rounded_down(deadline: float, expires: str) -> None:
    cloud = always(STARTED)

    cloud.gateway().start_virtual_machine(VM, ticket=Ticket(JOB, deadline))

    assert cloud.asked[0]["expires"] == expires
    assert cloud.asked[0]["signatureVersion"] == "3"
    assert cloud.asked[0]["customjobid"] == JOB


def test_a_worker_that_slept_does_not_sign_a_fresh_deadline() -> None:
    cloud = always(STARTED)
    gateway, ticket = cloud.gateway(), Ticket(JOB, NOW + 30)
    gateway.start_virtual_machine(VM, ticket=ticket)

    cloud.clock.moment = NOW + 20
    gateway.start_virtual_machine(VM, ticket=ticket)

    assert cloud.asked[0]["expires"] == cloud.asked[1]["expires"]


@pytest.mark.parametrize("late", [30.0, 30.5, 3600.0])
def test_after_the_deadline_nothing_is_sent(late: float) -> None:
    cloud = always(STARTED)
    cloud.clock.moment = NOW + late

    outcome = cloud.gateway().start_virtual_machine(VM, ticket=Ticket(JOB, NOW + 30))

    assert isinstance(outcome, Fenced)
    assert isinstance(outcome, NotSent)
    assert "deadline passed" in str(outcome.error)
    assert cloud.asked == []


def test_a_ticket_for_more_than_half_a_minute_is_a_mistake() -> None:
    cloud = always(STARTED)

    with pytest.raises(ValueError, match="30 s"):
        cloud.gateway().start_virtual_machine(VM, ticket=Ticket(JOB, NOW + 60))

    assert cloud.asked == []


@pytest.mark.parametrize("id", [JOB.upper().replace("1", "A"), JOB.replace("-", ""), "hello-1", ""])
def test_a_ticket_takes_only_ids_that_cloudstack_takes(id: str) -> None:
    with pytest.raises(ValueError, match="lower-case uuid"):
        Ticket(async_job_id=id, deadline=NOW)


def test_synchronous_commands_expire_too() -> None:
    cloud = always(answer("deleteVolume", success=True))

    class Allowed:
        def refusal(self, *, kind: str, id: str) -> str | None:
            return None

    cloud.gateway(destroy_port=Allowed()).delete_volume(VOLUME, ticket=Ticket(JOB, NOW + 10))

    assert cloud.asked[0]["expires"] == "2025-10-09T08:53:30+0000"
