"""This will show when canaries are sent and what is noted of them; how real ones fly is in tests/processes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from jobs.models import Pulse, PulsePart
from jobs.pulses import CANARY_EVERY, CANARY_LOST_AFTER, hear_canary, note_round, send_canary_when_due

pytestmark = pytest.mark.django_db

NOW = timezone.now()
SECOND = timedelta(seconds=1)


@pytest.fixture
def sends() -> Callable[[timedelta], bool]:
    """Say whether a canary goes out so long after the beginning."""

    def send(after: timedelta) -> bool:
        out: list[float] = []
        assert send_canary_when_due(now=NOW + after, publish=out.append) == bool(out)
        return bool(out)

    return send


def test_while_a_canary_is_out_no_second_one_is_sent_before_it_counts_as_lost(
    sends: Callable[[timedelta], bool],
) -> None:
    assert sends(timedelta(0))
    assert not sends(CANARY_LOST_AFTER - SECOND)
    assert sends(CANARY_LOST_AFTER)


def test_a_canary_that_was_heard_is_followed_by_the_next_after_a_while(sends: Callable[[timedelta], bool]) -> None:
    assert sends(timedelta(0))
    hear_canary(sent_at=NOW.timestamp(), now=NOW + 2 * SECOND)

    assert not sends(CANARY_EVERY - SECOND)
    assert sends(CANARY_EVERY)
    pulse = Pulse.objects.get(part=PulsePart.CANARY)
    assert (pulse.seconds, pulse.ended_at) == (2.0, NOW + 2 * SECOND)


def test_a_canary_that_is_heard_before_its_sender_notes_it_is_not_taken_for_lost(
    sends: Callable[[timedelta], bool],
) -> None:
    send_canary_when_due(now=NOW, publish=lambda sent_at: hear_canary(sent_at=sent_at, now=NOW))

    assert not sends(CANARY_EVERY - SECOND)
    assert sends(CANARY_EVERY)


def test_a_clock_that_was_ahead_does_not_silence_the_canary(sends: Callable[[timedelta], bool]) -> None:
    assert sends(timedelta(hours=5))
    assert sends(timedelta(0))


@pytest.mark.parametrize("gone", [OperationalError("no broker"), ConnectionRefusedError()])
def test_a_broker_that_is_gone_is_tried_again_at_the_next_round(
    sends: Callable[[timedelta], bool], gone: Exception
) -> None:
    def refuse(_: float) -> None:
        raise gone

    assert not send_canary_when_due(now=NOW, publish=refuse)
    assert sends(5 * SECOND)


def test_the_last_round_of_a_part_is_one_row() -> None:
    for seconds in (0, 5):
        note_round(PulsePart.SWEEPER, ended_at=NOW + seconds * SECOND)

    assert Pulse.objects.get().ended_at == NOW + 5 * SECOND
