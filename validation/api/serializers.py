"""This will describe readiness answers, and parse what may be asked of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from networks.api.envelope import Sentences, SuccessAnswer
from networks.api.fields import Choice
from networks.models import Purpose
from validation.models import CheckStatus, CheckType


class ReadinessQuery(serializers.Serializer[Any]):
    """This will parse which kind of failover the question is about."""

    type = Choice(
        choices=Purpose.choices,
        required=False,
        default=Purpose.LIVE.value,
        help_text="Whether the VM shall be ready for a live failover or for a test.",
    )


class CheckAnswer(serializers.Serializer[Any]):
    """This will describe one check; `execution_time` is nanoseconds."""

    check_name = serializers.CharField()
    check_type = serializers.ChoiceField(
        choices=CheckType.choices, help_text="A `critical` check that fails, or could not be made, blocks a failover."
    )
    status = serializers.ChoiceField(choices=CheckStatus.choices)
    message = serializers.CharField()
    execution_time = serializers.IntegerField(help_text="Nanoseconds, its reads of the cloud included.")
    details = serializers.DictField(required=False, help_text="What was found; the keys depend on the check.")


class ValidationResultAnswer(serializers.Serializer[Any]):
    """This will describe the verdict."""

    vm_id = serializers.CharField()
    is_ready = serializers.BooleanField()
    readiness_score = serializers.FloatField(help_text="0 to 100.")
    estimated_duration = serializers.CharField()
    checks = CheckAnswer(many=True)
    warnings = Sentences()
    errors = Sentences()  # type: ignore[assignment]
    execution_time = serializers.IntegerField(help_text="Nanoseconds.")


class ReadinessAnswer(SuccessAnswer):
    """This will describe a readiness answer."""

    is_valid = serializers.BooleanField()  # type: ignore[assignment]
    readiness_score = serializers.FloatField(help_text="0 to 100.")
    validation_result = ValidationResultAnswer()
    required_actions = Sentences()
