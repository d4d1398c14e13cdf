"""This will parse what requests about failover jobs ask for, by their JSON types."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.api.start_requests import TestDuration, refuse_dry_run_in_body
from jobs.models import JobState, JobStatus, JobType, Outcome
from networks.api.fields import Choice, Cursor, Text

# What may be done is read job by job.
_MOST_WITH_ACTIONS = 100
_LOST_PLUS = re.compile(r"(:[0-9.]+) ([0-9]{2}:?[0-9]{2})$")


@extend_schema_field(OpenApiTypes.DATETIME)
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

    status = Choice(choices=JobStatus.choices, required=False, help_text="Only jobs of this status.")
    type = Choice(choices=JobType.choices, required=False, help_text="Only jobs of this type.")
    vm_id = serializers.CharField(required=False, max_length=128, help_text="Only jobs of this VM.")
    state = Choice(
        choices=JobState.choices, required=False, help_text="Only jobs that wait for this: a worker, a person, a clock."
    )
    outcome = Choice(choices=Outcome.choices, required=False, help_text="Only jobs that ended so; none that goes on.")
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
    cursor = Cursor(
        required=False,
        help_text="`next_cursor` of the page before; the filters must be the same, and offset left out.",
    )
    include = Choice(
        choices=["allowed_actions"],
        required=False,
        help_text=f"`allowed_actions`: what may be done with each job now; up to {_MOST_WITH_ACTIONS} jobs at once.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse to be told two places to begin at, and to look closely at too many."""
        if attrs.get("include") and attrs["limit"] > _MOST_WITH_ACTIONS:
            raise serializers.ValidationError(
                {"include": [f"With allowed_actions limit is at most {_MOST_WITH_ACTIONS}."]}
            )
        if attrs.get("cursor") and attrs["offset"]:
            raise serializers.ValidationError({"cursor": ["Give cursor or offset, not both."]})
        return attrs


class EventsQuery(serializers.Serializer[Any]):
    """This will parse which events of a job are wanted."""

    after = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=2**63 - 1,
        help_text="`next_after` of the page before; 0 begins with the first event.",
    )
    limit = serializers.IntegerField(
        required=False, default=100, min_value=1, max_value=1000, help_text="How many events to give, 1 to 1000."
    )


class VerbBody(serializers.Serializer[Any]):
    """This will parse the body of a verb: why it is used."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a dry run that would else be ignored, and the verb carried out."""
        refuse_dry_run_in_body(self.initial_data)
        return attrs


class CancelBody(VerbBody):
    """This will parse the body of a cancel, a commit or a retry."""

    reason = Text(required=False, allow_blank=True, default="", max_length=1000)


class CleanupQuery(serializers.Serializer[Any]):
    """This will parse the query of a cleanup: a DELETE has no body that every client can send."""

    reason = Text(required=False, allow_blank=True, default="", max_length=1000)
    force = serializers.BooleanField(
        required=False, default=False, help_text="Leave what can't be removed, and list it, instead of asking."
    )
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="true: say what would be removed; nothing is done."
    )


class RollbackBody(VerbBody):
    """This will parse the body of a rollback."""

    confirm_vm_name = Text(
        required=False,
        allow_blank=True,
        default="",
        max_length=255,
        help_text="The VM's name as the job shows it: what it wrote since its first start is lost.",
    )
    reason = Text(required=False, allow_blank=True, default="", max_length=1000)


class ExtendBody(VerbBody):
    """This will parse the body of an extension."""

    duration = TestDuration(help_text="How much later the window ends, as 30m or 2h.")
    reason = Text(required=False, allow_blank=True, default="", max_length=1000)


class AnswerBody(VerbBody):
    """This will parse an operator's answer."""

    question_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    choice = Text(max_length=40)
    reason = Text(required=False, allow_blank=True, default="", max_length=1000)
