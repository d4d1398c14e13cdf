"""This will parse what requests about failover jobs ask for, by their JSON types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.utils.dateparse import parse_datetime
from rest_framework import serializers

from jobs.durations import NANOSECONDS, format_duration, parse_duration
from jobs.models import JobState, JobStatus, JobType
from jobs.plans.specification import Strategy
from networks.api.fields import Flag, Text

_MOST_MAPPINGS = 64
_LARGEST_FACTOR = 16.0
_LOST_PLUS = re.compile(r"(:[0-9.]+) ([0-9]{2}:?[0-9]{2})$")


class Factor(serializers.FloatField):
    """This will take a JSON number, never a text."""

    def to_internal_value(self, data: Any) -> float:
        """Give the number; fails for other types."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return super().to_internal_value(data)


class TestDuration(Text):
    """This will take a duration as Go writes it, within the bounds of the settings; the text is kept as it was sent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=40, **options)

    def to_internal_value(self, data: Any) -> str:
        """Give the text; fails for what is no duration, and for one out of bounds."""
        text = super().to_internal_value(data)
        try:
            seconds = parse_duration(text) // NANOSECONDS
        except ValueError as error:
            raise serializers.ValidationError(f"{error}.") from error
        shortest, longest = settings.MIN_TEST_SECONDS, settings.MAX_TEST_SECONDS
        if not shortest <= seconds <= longest:
            bounds = f"{_in_words(shortest)} and {_in_words(longest)}"
            raise serializers.ValidationError(f"A test lasts between {bounds}, not {_in_words(seconds)}.")
        return text


def _in_words(seconds: int) -> str:
    return format_duration(seconds * NANOSECONDS)


class KnownConfig(serializers.Serializer[Any]):
    """This will check the known keys of `custom_config`; unknown ones are kept and named in the warnings."""

    cpu_overcommit = Factor(required=False, min_value=0.1, max_value=_LARGEST_FACTOR)
    memory_overcommit = Factor(required=False, min_value=0.1, max_value=_LARGEST_FACTOR)
    test_environment = Flag(required=False)
    debug_mode = Flag(required=False)


class KnownTestConfig(KnownConfig):
    """This will check what `custom_config` of a test knows beside the rest: how the test gets its disks."""

    test_strategy = serializers.ChoiceField(
        choices=[strategy.value for strategy in Strategy if strategy != Strategy.LIVE], required=False
    )


class NotificationConfig(serializers.Serializer[Any]):
    """This will check where word of the job is sent."""

    email = serializers.EmailField(required=False, max_length=254)
    slack_webhook = serializers.URLField(required=False, max_length=500)


class StartBody(serializers.Serializer[Any]):
    """This will parse the body of a live start."""

    known_config: ClassVar[type[serializers.Serializer[Any]]] = KnownConfig

    vm_id = Text(max_length=128)
    vm_name = Text(required=False, allow_blank=True, default="", max_length=255)
    skip_validation = Flag(required=False, default=False)
    network_mappings = serializers.DictField(
        child=Text(max_length=200), required=False, default=dict, help_text="Source network name to target network id."
    )
    custom_config = serializers.DictField(required=False, default=dict)
    notification_config = serializers.DictField(required=False, default=dict)
    reason = Text(required=False, allow_blank=True, default="", max_length=1000)

    def validate_network_mappings(self, value: dict[str, str]) -> dict[str, str]:
        """Refuse more overrides than any VM has NICs."""
        if len(value) > _MOST_MAPPINGS:
            raise serializers.ValidationError(f"At most {_MOST_MAPPINGS} networks.")
        return value

    def validate_custom_config(self, value: dict[str, Any]) -> dict[str, Any]:
        """Check the known keys and keep all."""
        return _checked(value, by=self.known_config)

    def validate_notification_config(self, value: dict[str, Any]) -> dict[str, Any]:
        """Check the known keys and keep all."""
        return _checked(value, by=NotificationConfig)


class TestStartBody(StartBody):
    """This will parse the body of a test start."""

    known_config = KnownTestConfig

    test_duration = TestDuration(help_text="How long the test VM runs, as 30m, 2h or 4h30m.")
    auto_cleanup = Flag(required=False, default=False)


class Moment(serializers.Field[datetime, str, str, str]):
    """This will take a moment as RFC 3339 writes it, with its offset; a `+` that the query string lost is put back."""

    default_error_messages = {
        "invalid": "Not a moment such as 2025-08-18T16:15:08+01:00 (in a query string + is written %2B)."
    }

    def to_internal_value(self, data: Any) -> datetime:
        """Give the moment in UTC; fails for what is none, and for one without an offset."""
        text = _LOST_PLUS.sub(r"\1+\2", str(data))
        try:
            moment = parse_datetime(text)
            if moment is None or moment.tzinfo is None:
                self.fail("invalid")
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid")


class JobFilterQuery(serializers.Serializer[Any]):
    """This will parse which jobs are wanted, and which page of them."""

    status = serializers.ChoiceField(choices=JobStatus.choices, required=False, help_text="Only jobs of this status.")
    type = serializers.ChoiceField(choices=JobType.choices, required=False, help_text="Only jobs of this type.")
    vm_id = serializers.CharField(required=False, max_length=128, help_text="Only jobs of this VM.")
    state = serializers.ChoiceField(
        choices=JobState.choices, required=False, help_text="Only jobs that wait for this: a worker, a person, a clock."
    )
    created_after = Moment(required=False, help_text="Only jobs created at this moment or later (RFC 3339).")
    created_before = Moment(required=False, help_text="Only jobs created before this moment (RFC 3339).")
    limit = serializers.IntegerField(
        required=False, default=50, min_value=1, max_value=1000, help_text="How many jobs to give, 1 to 1000."
    )
    offset = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=1_000_000_000,
        help_text="How many jobs to skip. Deep in a long list `cursor` is faster, and misses nothing.",
    )
    cursor = serializers.CharField(
        required=False,
        max_length=500,
        help_text="`next_cursor` of the page before; the filters must be the same, and offset left out.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse to be told two places to begin at."""
        if attrs.get("cursor") and attrs["offset"]:
            raise serializers.ValidationError({"cursor": "Give cursor or offset, not both."})
        return attrs


class CancelBody(serializers.Serializer[Any]):
    """This will parse the body of a cancel."""

    reason = Text(required=False, allow_blank=True, default="", max_length=1000)


class ReasonOfCleanup(serializers.Serializer[Any]):
    """This will parse the query of a cleanup: a DELETE has no body that every client can send."""

    reason = Text(required=False, allow_blank=True, default="", max_length=1000)


class AnswerBody(serializers.Serializer[Any]):
    """This will parse an operator's answer."""

    question_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    choice = Text(max_length=40)
    reason = Text(required=False, allow_blank=True, default="", max_length=1000)


def _checked(value: Mapping[str, Any], *, by: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    by(data=value).is_valid(raise_exception=True)
    return dict(value)
