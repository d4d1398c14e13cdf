"""Show what each answer to a mutating call is taken to mean: the closed table, row by row."""

from __future__ import annotations

import pytest

from cloudstack import Accepted, Completed, Lost, NoAnswer, NothingSent, NotSent, Refused, Ticket
from cloudstack.refusals import REFUSED_BEFORE_START
from tests.cloudstack.scripted_cloud import JOB, NOW, VM, VOLUME, Reply, always, answer, error

TICKET = Ticket(async_job_id=JOB, deadline=NOW + 30)
MAINTENANCE = "Maintenance or Shutdown has been initiated on this management server. Can not accept new jobs"
ALLOWED = [401, 429, 430, 431, 432, 531, 532, 533, 534, 535]
NOT_IN_THE_TABLE = [400, 405, 500, 502, 503, 504, 511, 530, 536, 537]


def test_the_table_of_refusals_holds_these_codes_and_no_other() -> None:
    assert sorted(REFUSED_BEFORE_START) == ALLOWED


@pytest.mark.parametrize("code", ALLOWED)
def test_a_code_of_the_table_is_a_refusal(code: int) -> None:
    outcome = always(error("detachVolume", code)).gateway().detach_volume(VOLUME, ticket=TICKET)

    assert isinstance(outcome, Refused)
    assert outcome.error.error_code == code
    assert outcome.error.async_job_id == JOB


@pytest.mark.parametrize("code", NOT_IN_THE_TABLE)
def test_any_other_code_is_a_lost_call(code: int) -> None:
    outcome = always(error("detachVolume", code)).gateway().detach_volume(VOLUME, ticket=TICKET)

    assert isinstance(outcome, Lost)


def test_a_server_in_maintenance_refuses() -> None:
    outcome = always(error("startVirtualMachine", 503, MAINTENANCE)).gateway().start_virtual_machine(VM, ticket=TICKET)

    assert isinstance(outcome, Refused)
    assert "Maintenance" in outcome.error.text


def test_a_job_id_that_is_taken_means_that_the_call_came_twice_and_is_lost() -> None:
    text = f"UUID: {JOB} already exists so can't create/update with custom id"

    outcome = always(error("detachVolume", 431, text)).gateway().detach_volume(VOLUME, ticket=TICKET)

    assert isinstance(outcome, Lost)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
        Reply(503, b"Service Unavailable", {"Content-Type": "text/plain"}),
        Reply(401, b"<html>who are you</html>", {"Content-Type": "text/html"}),
        Reply(429, b"", {}),
        Reply(302, b"", {"Location": "http://elsewhere.invalid/"}),
        Reply(307, b"", {"Location": "http://elsewhere.invalid/"}),
        Reply(200, b'{"detachvolumeresponse": {"jobid": "1111'),
        Reply(200, b""),
        Reply(200, b"[" * 100_000),
        Reply(200, b'{"detachvolumeresponse": {"jobid": 5}}'),
        Reply(200, {"detachvolumeresponse": {}}),
        Reply(200, {"detachvolumeresponse": []}),
        Reply(200, {"attachvolumeresponse": {"jobid": JOB}}),
        Reply(200, {"detachvolumeresponse": {"jobid": JOB}, "more": {}}),
        Reply(200, ["detachvolumeresponse"]),
        error("detachVolume", 431, status=200),
        error("detachVolume", 431, status=500),
        Reply(431, {"errorresponse": {"errortext": "no code"}}),
        NoAnswer("no answer within 10 s", repeatable=False),
        NoAnswer("the connection broke: Connection reset by peer", repeatable=True),
    ],
    ids=lambda reply: repr(reply)[:60],
)
def test_an_answer_that_proves_nothing_is_a_lost_call(reply: Reply | Exception) -> None:
    cloud = always(reply)

    outcome = cloud.gateway().detach_volume(VOLUME, ticket=TICKET)

    assert isinstance(outcome, Lost)
    assert len(cloud.asked) == 1


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_connection_that_never_came_to_be_sent_nothing(repeatable: bool) -> None:
    cloud = always(NothingSent("no connection: Connection refused", repeatable=repeatable))

    outcome = cloud.gateway().detach_volume(VOLUME, ticket=TICKET)

    assert isinstance(outcome, NotSent)
    assert len(cloud.asked) == 1


def test_an_accepted_call_names_its_job_and_its_entity() -> None:
    reply = answer("createSnapshot", id=VOLUME, jobid=JOB)

    outcome = always(reply).gateway().create_snapshot(VOLUME, "s", tags={}, ticket=TICKET)

    assert outcome == Accepted(async_job_id=JOB, entity_id=VOLUME, job_id_honoured=True)


def test_a_job_id_that_is_not_ours_is_told() -> None:
    other = JOB.replace("1", "9")

    outcome = always(answer("detachVolume", jobid=other)).gateway().detach_volume(VOLUME, ticket=TICKET)

    assert outcome == Accepted(async_job_id=other, entity_id=None, job_id_honoured=False)


def test_a_protected_vm_comes_back_as_it_is_now() -> None:
    machine = {"id": VM, "name": "vm", "state": "Stopped", "deleteprotection": True}
    cloud = always(answer("updateVirtualMachine", virtualmachine=machine))

    outcome = cloud.gateway().set_delete_protection(VM, protected=True, ticket=TICKET)

    assert isinstance(outcome, Completed)
    assert outcome.result is not None
    assert outcome.result.delete_protection is True
    assert "customjobid" not in cloud.asked[0]


def test_an_error_says_what_happened_to_which_command() -> None:
    outcome = always(error("detachVolume", 431, "not attached")).gateway().detach_volume(VOLUME, ticket=TICKET)

    assert isinstance(outcome, Refused)
    assert str(outcome.error) == (
        f"detachVolume: not attached (HTTP 431, errorcode 431, cserrorcode 9999, async job {JOB})"
    )
