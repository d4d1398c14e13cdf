"""This will prove that nobody asks more often than the settings allow, and that everybody is told how long to wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from django.test import Client
from rest_framework.test import APIClient

from failover_project.api.limits import Counter
from failover_project.api.models import RoleName
from failover_project.api.tokens import create_token
from tests.api.sending import send
from tests.support import servers

pytestmark = pytest.mark.django_db

MAPPINGS = "/api/v1/network-mappings"
LIVE = "/api/v1/failover/live"
TEST = "/api/v1/failover/test"


class MovedClock:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 6_000_000.0

    def __call__(self) -> float:
        """Give unix seconds."""
        return self.now


@pytest.fixture
def clock(settings: Any) -> Iterator[MovedClock]:
    """Give the service's clock, nothing counted yet."""
    settings.API_CLOCK = MovedClock()
    caches["default"].clear()
    yield settings.API_CLOCK
    caches["default"].clear()


def _assert_waits(answer: Any) -> float:
    body = answer.json()
    assert (answer.status_code, body["error_code"], body["success"]) == (429, "TOO_MANY_REQUESTS", False)
    assert body["request_id"] == answer["X-Request-ID"]
    return float(answer["Retry-After"])


def test_reads_beyond_the_limit_are_429_and_pass_after_the_wait(
    viewer: APIClient, clock: MovedClock, settings: Any
) -> None:
    settings.READS_PER_MINUTE = 3

    assert [viewer.get(MAPPINGS).status_code for _ in range(3)] == [200, 200, 200]
    clock.now += _assert_waits(viewer.get(MAPPINGS))
    assert viewer.get(MAPPINGS).status_code == 200


def test_starts_are_counted_together_and_apart_from_reads(
    operator: APIClient, clock: MovedClock, settings: Any
) -> None:
    settings.STARTS_PER_MINUTE, settings.READS_PER_MINUTE = 2, 600
    del clock

    assert [operator.post(path, {"vm_id": "x"}).status_code for path in (LIVE, TEST)] == [404, 400]
    _assert_waits(operator.post(LIVE, {"vm_id": "x"}))
    _assert_waits(operator.post(TEST, {"vm_id": "x"}))
    assert operator.get(MAPPINGS).status_code == 200


def test_who_polls_too_much_may_still_cancel(operator: APIClient, clock: MovedClock, settings: Any) -> None:
    settings.READS_PER_MINUTE = 1
    del clock

    operator.get(MAPPINGS)
    _assert_waits(operator.get(MAPPINGS))
    assert operator.post("/api/v1/failover/live-failover-x-1/cancel", {}).status_code == 404


def test_each_token_has_a_count_of_its_own(viewer: APIClient, operator: APIClient, clock: Any, settings: Any) -> None:
    settings.READS_PER_MINUTE = 1

    assert [caller.get(MAPPINGS).status_code for caller in (viewer, operator, viewer)] == [200, 200, 429]


def test_a_user_of_the_browser_is_counted_too(django_user_model: Any, clock: MovedClock, settings: Any) -> None:
    settings.READS_PER_MINUTE = 1
    browser = Client(raise_request_exception=False)
    browser.force_login(django_user_model.objects.create_superuser("root", password="a long password"))
    del clock

    assert [browser.get(MAPPINGS).status_code for _ in range(2)] == [200, 429]


def test_who_has_no_token_is_counted_by_address(anybody: APIClient, clock: MovedClock, settings: Any) -> None:
    settings.READS_PER_MINUTE = 1
    del clock

    assert [anybody.get(MAPPINGS).status_code for _ in range(2)] == [401, 429]
    assert anybody.get(MAPPINGS, REMOTE_ADDR="192.0.2.7").status_code == 401


def test_a_token_that_is_tried_six_times_is_429_and_a_good_one_passes(
    anybody: APIClient, viewer: APIClient, clock: MovedClock, settings: Any
) -> None:
    settings.FAILED_LOGINS_PER_MINUTE = 5
    bad: Any = {"HTTP_AUTHORIZATION": "Token fo_guess"}

    assert [anybody.get(MAPPINGS, **bad).status_code for _ in range(5)] == [401] * 5
    wait = _assert_waits(anybody.get(MAPPINGS, **bad))
    assert viewer.get(MAPPINGS).status_code == 200
    assert anybody.get(MAPPINGS, REMOTE_ADDR="192.0.2.7", **bad).status_code == 401
    clock.now += wait
    assert anybody.get(MAPPINGS, **bad).status_code == 401


def test_an_account_is_tried_five_times_a_minute_from_one_address(
    django_user_model: Any, clock: MovedClock, settings: Any
) -> None:
    settings.FAILED_LOGINS_PER_MINUTE = 5
    django_user_model.objects.create_superuser("root", password="a long password")

    def login(password: str, **more: Any) -> Any:
        return Client().post("/admin/login/", {"username": "root", "password": password}, **more)

    assert [login("guess").status_code for _ in range(5)] == [200] * 5
    refused = login("a long password")
    assert (refused.status_code, refused["Content-Type"]) == (429, "text/plain; charset=utf-8")
    assert login("a long password", REMOTE_ADDR="192.0.2.7").status_code == 302
    clock.now += float(refused["Retry-After"])
    assert login("a long password").status_code == 302


def test_logins_that_succeed_are_not_counted(django_user_model: Any, clock: MovedClock, settings: Any) -> None:
    settings.FAILED_LOGINS_PER_MINUTE = 1
    django_user_model.objects.create_superuser("root", password="a long password")
    form = {"username": "root", "password": "a long password"}
    del clock

    assert [Client().post("/admin/login/", form).status_code for _ in range(3)] == [302] * 3


def test_a_limit_of_nought_is_none(viewer: APIClient, clock: MovedClock, settings: Any) -> None:
    settings.READS_PER_MINUTE = 0
    del clock

    assert {viewer.get(MAPPINGS).status_code for _ in range(20)} == {200}


def test_a_bad_token_counts_only_as_itself(anybody: APIClient, clock: MovedClock, settings: Any) -> None:
    settings.FAILED_LOGINS_PER_MINUTE, settings.READS_PER_MINUTE = 2, 1
    _, text = create_token(name="portal", role=RoleName.VIEWER)
    del clock

    statuses = [send(anybody, "GET", MAPPINGS, b"").status_code, anybody.get(MAPPINGS).status_code]
    assert statuses == [401, 429]
    assert anybody.get(MAPPINGS, HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 200


# --- the counter itself ---


def _counter(clock: MovedClock, name: str, *, shared: Any = None) -> Counter:
    own = LocMemCache(name, {})
    own.clear()
    return Counter(own=own, shared=shared, clock=clock)


@pytest.mark.parametrize("limit", [1, 2, 7, 600])
@pytest.mark.parametrize("offset", [0.0, 13.7, 59.9])
def test_no_minute_holds_far_more_than_the_limit_and_who_waits_as_told_passes(limit: int, offset: float) -> None:
    clock = MovedClock()
    clock.now += offset
    counted = _counter(clock, f"minutes-{limit}-{offset}")
    passed: list[float] = []

    for _ in range(4 * limit):
        wait = counted.take("a", per_minute=limit)
        if wait is not None:
            assert 0 < wait <= 120
            clock.now += wait
            assert counted.take("a", per_minute=limit) is None
        passed.append(clock.now)

    assert clock.now - passed[0] >= 60
    # Weighing takes the minute before as spread evenly: at most one limit more than the exact count.
    assert max(sum(1 for other in passed if moment <= other < moment + 60) for moment in passed) <= 2 * limit


def test_many_at_once_take_no_more_than_there_is() -> None:
    counted = _counter(MovedClock(), "many")
    taken: list[float | None] = []

    def ask() -> None:
        taken.extend(counted.take("a", per_minute=50) for _ in range(30))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert taken.count(None) <= 50
    assert taken.count(None) >= 45


def test_without_its_redis_a_process_counts_for_itself() -> None:
    clock = MovedClock()
    gone = RedisCache(f"redis://127.0.0.1:{servers.free_port()}/0", {"OPTIONS": {"socket_connect_timeout": 0.2}})
    counted = _counter(clock, "alone", shared=gone)

    assert [counted.take("a", per_minute=1) is None for _ in range(2)] == [True, False]
    counted.give_back("a")
    assert counted.take("a", per_minute=1) is None


@pytest.mark.redis
def test_two_processes_with_a_redis_count_together() -> None:
    clock = MovedClock()
    with servers.redis_server() as url:
        one, other = (_counter(clock, name, shared=RedisCache(url, {})) for name in ("one", "other"))

        assert one.take("a", per_minute=2) is None
        assert other.take("a", per_minute=2) is None
        assert one.take("a", per_minute=2) is not None
        other.give_back("a")
        assert one.take("a", per_minute=2) is None
