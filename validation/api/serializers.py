"""This will describe readiness answers, and parse what may be asked of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from networks.models import Purpose
from validation.models import CheckStatus, CheckType


class ReadinessQuery(serializers.Serializer[Any]):
    """This will parse which kind of failover the question is about."""

    type = serializers.ChoiceField(choices=Purpose.choices, required=False, default=Purpose.LIVE.value)


class CheckAnswer(serializers.Serializer[Any]):
    """This will describe one check; `execution_time` is nanoseconds."""

    check_name = serializers.CharField()
    check_type = serializers.ChoiceField(choices=CheckType.choices)
    status = serializers.ChoiceField(choices=CheckStatus.choices)
    message = serializers.CharField()
    execution_time = serializers.IntegerField()
    details = serializers.DictField(required=False)


class ValidationResultAnswer(serializers.Serializer[Any]):
    """This will describe the verdict."""

    vm_id = serializers.CharField()
    is_ready = serializers.BooleanField()
    readiness_score = serializers.FloatField()
    estimated_duration = serializers.CharField()
    checks = CheckAnswer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    errors = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]
    execution_time = serializers.IntegerField()


class ReadinessAnswer(serializers.Serializer[Any]):
    """This will describe a readiness answer."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    is_valid = serializers.BooleanField()  # type: ignore[assignment]
    readiness_score = serializers.FloatField()
    validation_result = ValidationResultAnswer()
    required_actions = serializers.ListField(child=serializers.CharField())
