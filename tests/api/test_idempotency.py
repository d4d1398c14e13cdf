"""This will prove that a request with an Idempotency-Key is carried out once, whatever happens in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.urls import get_resolver
from rest_framework.test import APIClient

from cloudstack_simulator.server import SimulatorServer
from failover_project.api.clock import present
from failover_project.api.idempotency import AnswersOnce
from failover_project.api.kept_answers import CLAIMED_FOR, KEPT_FOR, Claim, Kept, KeyInProgress, Scope, claim
from failover_project.api.models import ApiToken, IdempotentAnswer, RoleName
from failover_project.api.roles import ROUTE_ROLES
from failover_project.api.tokens import create_token
from inventory.models import ProtectedVM, VMReservation
from jobs.models import FailoverJob, JobState
from networks.models import NetworkMapping
from tests.api.sending import send
from tests.api.test_access import PATHS, routes_of
from tests.api.test_failover import _first_id
from tests.networks.rows import protected_vm
from tests.support.inventory_of import ScenarioInventory
from validation.facts import Facts, gather_each

LIVE = "/api/v1/failover/live"
MAPPINGS = "/api/v1/network-mappings"

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm(inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give a VM that is ready for a live failover."""
    found = inventory.vms["two"]
    NetworkMapping.objects.create(
        vm=found,
        source_network_name="VM Network",
        destination_network_id=_first_id(cloud.simulator.call("listNetworks").body),
        is_test_network=False,
    )
    return found


def _post(client: APIClient, path: str, body: object, key: str = "k-1") -> Any:
    return client.post(path, body, HTTP_IDEMPOTENCY_KEY=key)


def _mapping(vm: ProtectedVM, name: str = "VM Network") -> dict[str, object]:
    return {"vm_id": vm.vm_id, "source_network_name": name, "destination_network_id": "net-1"}


def _without_request_id(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "request_id"}


def _free(vm: ProtectedVM) -> None:
    """End the VM's jobs at once: from then on nothing but the key is in the way of another start."""
    FailoverJob.objects.filter(vm=vm).update(state=JobState.FINISHED, outcome="succeeded", completed_at=present())
    VMReservation.objects.all().delete()


def test_a_start_that_is_repeated_gives_the_first_answer_and_no_second_job(
    operator: APIClient, vm: ProtectedVM
) -> None:
    first = _post(operator, LIVE, {"vm_id": vm.vm_id})
    _free(vm)
    second = _post(operator, LIVE, {"vm_id": vm.vm_id})

    assert (first.status_code, second.status_code) == (200, 200), first.content
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert _without_request_id(first) == _without_request_id(second)
    assert FailoverJob.objects.count() == 1


def test_another_body_path_or_query_under_the_key_is_409(admin: APIClient) -> None:
    vm = protected_vm()
    assert _post(admin, MAPPINGS, _mapping(vm)).status_code == 200

    for path, body in ((MAPPINGS, _mapping(vm, "Other")), (f"{MAPPINGS}?a=b", _mapping(vm))):
        refused = _post(admin, path, body)
        assert (refused.status_code, refused.json()["error_code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert NetworkMapping.objects.count() == 1


def test_the_order_of_the_bodys_fields_is_no_difference(admin: APIClient) -> None:
    body = _mapping(protected_vm())

    _post(admin, MAPPINGS, body)
    repeated = _post(admin, MAPPINGS, dict(reversed(body.items())))

    assert (repeated.status_code, repeated["Idempotent-Replayed"]) == (200, "true")


def test_a_key_is_its_callers_own(admin: APIClient) -> None:
    _, text = create_token(name="another", role=RoleName.ADMIN)
    another = APIClient(raise_request_exception=False)
    another.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    vm = protected_vm()
    _post(admin, MAPPINGS, _mapping(vm))

    theirs = _post(another, MAPPINGS, _mapping(vm))

    assert (theirs.status_code, theirs.json()["error_code"]) == (409, "MAPPING_EXISTS")


def test_a_refusal_is_not_kept(admin: APIClient) -> None:
    vm = protected_vm()
    before = _post(admin, MAPPINGS, _mapping(vm) | {"vm_id": "vm-9"})
    assert before.status_code == 404
    assert not IdempotentAnswer.objects.exists()

    # The key is free: also for another body.
    assert _post(admin, MAPPINGS, _mapping(vm)).status_code == 200


def test_whoever_may_no_longer_do_it_gets_no_kept_answer(admin: APIClient) -> None:
    vm = protected_vm()
    _post(admin, MAPPINGS, _mapping(vm))
    ApiToken.objects.update(role=RoleName.VIEWER)

    assert _post(admin, MAPPINGS, _mapping(vm)).status_code == 403


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "schlüssel", "a\tb"])
def test_a_key_that_is_none_is_400(admin: APIClient, key: str) -> None:
    answer = _post(admin, MAPPINGS, _mapping(protected_vm()), key)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "MALFORMED_REQUEST")
    assert not NetworkMapping.objects.exists()


def test_every_post_of_the_api_takes_a_key(admin: APIClient) -> None:
    posts = {name for name, methods in ROUTE_ROLES.items() if "POST" in methods}
    views: dict[str | None, Any] = {pattern.name: pattern.callback for _, pattern in routes_of(get_resolver())}

    for name in posts:
        assert issubclass(views[name].cls, AnswersOnce)
        assert send(admin, "POST", PATHS[name], b"{}").json()["error_code"] != "MALFORMED_REQUEST"
        assert _post(admin, PATHS[name], {}, "a b").json()["error_code"] == "MALFORMED_REQUEST", name


def test_an_answer_is_kept_for_a_day_and_no_longer(admin: APIClient, settings: Any) -> None:
    vm = protected_vm()
    settings.API_CLOCK = _Moved()
    _post(admin, MAPPINGS, _mapping(vm))
    NetworkMapping.objects.all().delete()

    settings.API_CLOCK.by += KEPT_FOR.total_seconds() - 1
    assert _post(admin, MAPPINGS, _mapping(vm)).get("Idempotent-Replayed") == "true"
    settings.API_CLOCK.by += 2
    assert "Idempotent-Replayed" not in _post(admin, MAPPINGS, _mapping(vm))
    assert (NetworkMapping.objects.count(), IdempotentAnswer.objects.count()) == (1, 1)


class _Moved:
    """The time of this machine, moved on."""

    def __init__(self) -> None:
        self.by = 0.0
        self._start = time.time()

    def __call__(self) -> float:
        """Give unix seconds."""
        return self._start + self.by


# --- two at once, and one that dies ---

SCOPE = Scope(principal="token:1", route="failover-live", key="k-1")


def _held(scope: Scope = SCOPE) -> Claim:
    found = claim(scope, fingerprint="f")
    assert isinstance(found, Claim)
    return found


def test_the_second_of_two_at_once_is_told_to_wait_and_does_nothing(admin: APIClient) -> None:
    vm = protected_vm()
    _post(admin, MAPPINGS, _mapping(vm))
    NetworkMapping.objects.all().delete()
    # As if the first were still at work.
    IdempotentAnswer.objects.update(completed_at=None, status=None, body="")

    second = _post(admin, MAPPINGS, _mapping(vm))

    assert (second.status_code, second.json()["error_code"]) == (409, "IDEMPOTENCY_KEY_IN_PROGRESS")
    assert second["Retry-After"] == "1"
    assert not NetworkMapping.objects.exists()


def test_a_request_that_was_taken_for_dead_cannot_write_any_more(settings: Any) -> None:
    settings.API_CLOCK = _Moved()
    slow = _held()
    settings.API_CLOCK.by += CLAIMED_FOR.total_seconds() + 1

    quick = _held()

    with pytest.raises(KeyInProgress):
        slow.keep({"job_id": "slow"})
    quick.keep({"job_id": "quick"})
    slow.release()
    assert claim(SCOPE, fingerprint="f") == Kept(status=200, body={"job_id": "quick"})


def test_the_parts_of_a_bulk_that_died_are_not_done_again(settings: Any) -> None:
    settings.API_CLOCK = _Moved()
    _held().keep({"job_id": "of one"}, part="vm-1")
    settings.API_CLOCK.by += (CLAIMED_FOR + timedelta(seconds=1)).total_seconds()

    again = _held()

    assert again.kept(part="vm-1") == {"job_id": "of one"}
    assert again.kept(part="vm-2") is None


def test_a_bulk_that_failed_half_way_keeps_its_key_for_the_same_body() -> None:
    first = _held()
    first.keep({"job_id": "of one"}, part="vm-1")
    first.release()

    assert _held().kept(part="vm-1") == {"job_id": "of one"}


@pytest.fixture
def trigger(transactional_db: None) -> Iterator[Callable[[], None]]:
    """Have the database refuse to keep an answer, until it is told otherwise: the commit of the work fails."""
    with connection.cursor() as cursor:
        for statement in _REFUSE[connection.vendor]:
            cursor.execute(statement)

    def lift() -> None:
        with connection.cursor() as cursor:
            for statement in _ALLOW[connection.vendor]:
                cursor.execute(statement)

    yield lift
    lift()


_REFUSE = {
    "sqlite": [
        "CREATE TRIGGER refuse_answers BEFORE UPDATE ON access_idempotentanswer WHEN NEW.completed_at IS NOT NULL "
        "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION refuse_answers() RETURNS trigger AS "
        "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$ LANGUAGE plpgsql",
        # Deferred: it strikes in COMMIT itself.
        "CREATE CONSTRAINT TRIGGER refuse_answers AFTER UPDATE ON access_idempotentanswer DEFERRABLE INITIALLY "
        "DEFERRED FOR EACH ROW WHEN (NEW.completed_at IS NOT NULL) EXECUTE FUNCTION refuse_answers()",
    ],
}
_ALLOW = {
    "sqlite": ["DROP TRIGGER IF EXISTS refuse_answers"],
    "postgresql": [
        "DROP TRIGGER IF EXISTS refuse_answers ON access_idempotentanswer",
        "DROP FUNCTION IF EXISTS refuse_answers",
    ],
}


@pytest.mark.django_db(transaction=True)
def test_there_is_no_job_whose_answer_was_not_kept(
    operator: APIClient, vm: ProtectedVM, trigger: Callable[[], None]
) -> None:
    crashed = _post(operator, LIVE, {"vm_id": vm.vm_id})
    assert crashed.status_code >= 400
    assert not FailoverJob.objects.exists()

    trigger()
    again = _post(operator, LIVE, {"vm_id": vm.vm_id})

    assert (again.status_code, FailoverJob.objects.count()) == (200, 1)


@pytest.mark.django_db(transaction=True)
def test_a_request_that_dies_after_its_commit_has_kept_its_answer(
    operator: APIClient, vm: ProtectedVM, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_bell(*_: object, **__: object) -> None:
        transaction.on_commit(_die)

    with monkeypatch.context() as patched:
        patched.setattr("jobs.written_starts.ring_on_commit", broken_bell)
        crashed = _post(operator, LIVE, {"vm_id": vm.vm_id})
    assert (crashed.status_code, FailoverJob.objects.count()) == (500, 1)
    _free(vm)

    again = _post(operator, LIVE, {"vm_id": vm.vm_id})

    assert (again.status_code, again["Idempotent-Replayed"], FailoverJob.objects.count()) == (200, "true", 1)
    assert again.json()["job_id"] == FailoverJob.objects.get().job_id


def _die() -> None:
    raise RuntimeError("the process died after its commit")


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_carried_out() -> None:
    vm = protected_vm()
    _, text = create_token(name="portal", role=RoleName.ADMIN)
    answers: list[Any] = []
    gate = threading.Barrier(6)

    def press() -> None:
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
        gate.wait()
        answers.append(_post(client, MAPPINGS, _mapping(vm)))
        connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    done = [answer for answer in answers if answer.status_code == 200]
    waiting = {answer.json()["error_code"] for answer in answers if answer.status_code != 200}
    assert len([answer for answer in done if "Idempotent-Replayed" not in answer]) == 1
    assert waiting <= {"IDEMPOTENCY_KEY_IN_PROGRESS"}
    assert NetworkMapping.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_start_asks_the_cloud(
    operator: APIClient, vm: ProtectedVM, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones: list[bool] = []

    def looked_at(*arguments: Any, **named: Any) -> list[tuple[Facts, ...]]:
        open_ones.append(connection.in_atomic_block)
        return gather_each(*arguments, **named)

    monkeypatch.setattr("jobs.prepared_starts.gather_each", looked_at)

    assert _post(operator, LIVE, {"vm_id": vm.vm_id}).status_code == 200
    assert open_ones == [False]
