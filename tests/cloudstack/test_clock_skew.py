"""Show that the difference between the cloud's clock and ours is known."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from tests.cloudstack.scripted_cloud import NOW, VOLUME, MovedClock, Reply, ScriptedCloud, always, answer, error


def dated(moment: float) -> Reply:
    """Return an empty list with this Date."""
    return Reply(200, answer("listVolumes").body, {"Date": formatdate(moment, usegmt=True)})


def test_before_the_first_answer_nothing_is_known() -> None:
    assert always(dated(NOW)).gateway().clock_skew is None


@pytest.mark.parametrize(
    ("date", "ours", "skew"),
    [
        (NOW, NOW, 0.0),
        (NOW, NOW + 0.9, 0.0),
        (NOW + 12, NOW, 12.0),
        (NOW - 12, NOW, -11.0),
    ],
)
def test_the_skew_is_the_least_that_explains_the_date(date: float, ours: float, skew: float) -> None:
    cloud = ScriptedCloud(lambda _asked: dated(date), clock=MovedClock(ours))
    gateway = cloud.gateway()

    gateway.volume(VOLUME)

    assert gateway.clock_skew == pytest.approx(skew)


def test_one_late_answer_does_not_move_it() -> None:
    dates = [NOW, NOW, NOW - 40, NOW, NOW]
    gateway = ScriptedCloud(lambda _asked: dated(dates.pop())).gateway()

    for _ in range(5):
        gateway.volume(VOLUME)

    assert gateway.clock_skew == 0.0


def test_the_newest_answers_count() -> None:
    dates = [NOW] * 5 + [NOW + 20] * 3
    gateway = ScriptedCloud(lambda _asked: dated(dates.pop(0))).gateway()

    for _ in range(8):
        gateway.volume(VOLUME)

    assert gateway.clock_skew == 20.0


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Oct 2025 08:53:20 GMT"])
def test_a_date_that_is_none_tells_nothing(date: str) -> None:
    gateway = always(Reply(200, answer("listVolumes").body, {"Date": date})).gateway()

    gateway.volume(VOLUME)

    assert gateway.clock_skew is None


def test_a_refusal_tells_the_time_too() -> None:
    gateway = ScriptedCloud(lambda _asked: error("listVolumes", 530), clock=MovedClock(NOW)).gateway()

    with pytest.raises(Exception, match="530"):
        gateway.volume(VOLUME)

    assert gateway.clock_skew == 0.0
