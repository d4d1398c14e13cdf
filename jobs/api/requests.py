"""This will parse what requests about failover jobs ask for, by their JSON types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from jobs.models import JobStatus, JobType
from networks.api.fields import Flag, Text

_MOST_MAPPINGS = 64
_LARGEST_FACTOR = 16.0


class Factor(serializers.FloatField):
    """This will take a JSON number, never a text."""

    def to_internal_value(self, data: Any) -> float:
        """Give the number; fails for other types."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return super().to_internal_value(data)


class KnownConfig(serializers.Serializer[Any]):
    """This will check the known keys of `custom_config`; unknown ones are kept and named in the warnings."""

    cpu_overcommit = Factor(required=False, min_value=0.1, max_value=_LARGEST_FACTOR)
    memory_overcommit = Factor(required=False, min_value=0.1, max_value=_LARGEST_FACTOR)
    test_environment = Flag(required=False)
    debug_mode = Flag(required=False)


class NotificationConfig(serializers.Serializer[Any]):
    """This will check where word of the job is sent."""

    email = serializers.EmailField(required=False, max_length=254)
    slack_webhook = serializers.URLField(required=False, max_length=500)


class StartBody(serializers.Serializer[Any]):
    """This will parse the body of a live start."""

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
        return _checked(value, by=KnownConfig)

    def validate_notification_config(self, value: dict[str, Any]) -> dict[str, Any]:
        """Check the known keys and keep all."""
        return _checked(value, by=NotificationConfig)


class JobFilter(serializers.Serializer[Any]):
    """This will parse the filters of the list of jobs."""

    status = serializers.ChoiceField(choices=JobStatus.choices, required=False)
    type = serializers.ChoiceField(choices=JobType.choices, required=False)
    vm_id = serializers.CharField(required=False, max_length=128)
    limit = serializers.IntegerField(required=False, default=50, min_value=1, max_value=1000)
    offset = serializers.IntegerField(required=False, default=0, min_value=0, max_value=1_000_000_000)


class CancelBody(serializers.Serializer[Any]):
    """This will parse the body of a cancel."""

    reason = Text(required=False, allow_blank=True, default="", max_length=1000)


class AnswerBody(serializers.Serializer[Any]):
    """This will parse an operator's answer."""

    question_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    choice = Text(max_length=40)
    reason = Text(required=False, allow_blank=True, default="", max_length=1000)


def _checked(value: Mapping[str, Any], *, by: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    by(data=value).is_valid(raise_exception=True)
    return dict(value)
