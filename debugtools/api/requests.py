"""This will parse what may be asked of the debug routes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from debugtools.log_reading import LEVELS
from jobs.models import JobStatus
from networks.api.fields import Choice, Cursor


class LogQuery(serializers.Serializer[Any]):
    """This will parse the filters of the log."""

    level = Choice(choices=LEVELS, required=False, default="debug", help_text="This level and those above it.")
    job_id = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=200, help_text="Records of this job."
    )
    request_id = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=128, help_text="Records of this request."
    )
    logger = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="Records of this logger and those below it.",
    )
    limit = serializers.IntegerField(
        required=False, default=100, min_value=1, max_value=1000, help_text="Most records of one page."
    )
    cursor = Cursor(required=False, default="", help_text="`next_cursor` of a page: gives the records before it.")


class InternalsQuery(serializers.Serializer[Any]):
    """This will parse the filters of the jobs' internals."""

    job_id = serializers.CharField(required=False, max_length=200, help_text="Only this job.")
    status = Choice(choices=JobStatus.choices, required=False, help_text="Only jobs of this status.")
    limit = serializers.IntegerField(
        required=False, default=20, min_value=1, max_value=100, help_text="Most jobs of one page."
    )
    offset = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=1_000_000_000, help_text="Jobs to leave out, newest first."
    )
