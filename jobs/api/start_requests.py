"""This will parse what starts ask for, by their JSON types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.bulk import MOST_STARTS
from jobs.durations import NANOSECONDS, format_duration, parse_duration
from jobs.models import AfterWindow, JobType, Priority
from jobs.plans.specification import Strategy
from jobs.rollback_windows import LONGEST_SECONDS, SHORTEST_SECONDS
from networks.api.fields import Choice, Flag, Id, Name, Text

_MOST_MAPPINGS = 64
_LARGEST_FACTOR = 16.0


class Factor(serializers.FloatField):
    """This will take a JSON number, never a text."""

    def to_internal_value(self, data: Any) -> float:
        """Give the number; fails for other types."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return super().to_internal_value(data)


class _BoundedDuration(Text):
    """A duration as Go writes it, within `bounds` (seconds, the shortest and the longest); the text is kept as sent."""

    def __init__(self, *, what: str, bounds: Callable[[], tuple[int, int]], **options: Any) -> None:
        super().__init__(max_length=40, **options)
        self._what, self._bounds = what, bounds

    def to_internal_value(self, data: Any) -> str:
        """Give the text; fails for what is no duration, and for one out of bounds."""
        text = super().to_internal_value(data)
        try:
            seconds = parse_duration(text) // NANOSECONDS
        except ValueError as error:
            raise serializers.ValidationError(f"{error}.") from error
        shortest, longest = self._bounds()
        if not shortest <= seconds <= longest:
            bounds = f"{_in_words(shortest)} and {_in_words(longest)}"
            raise serializers.ValidationError(f"{self._what} lasts between {bounds}, not {_in_words(seconds)}.")
        return text


@extend_schema_field({"type": "string", "format": "go-duration", "examples": ["30m", "2h", "4h30m"]})
class TestDuration(_BoundedDuration):
    """This will take how long a test may run, within the bounds of the settings."""

    def __init__(self, **options: Any) -> None:
        # Read each time: the settings of a test differ.
        super().__init__(
            what="A test", bounds=lambda: (settings.MIN_TEST_SECONDS, settings.MAX_TEST_SECONDS), **options
        )


@extend_schema_field({"type": "string", "format": "go-duration", "examples": ["4h", "72h"]})
class RollbackWindow(_BoundedDuration):
    """This will take how long the way back is meant to stay open."""

    def __init__(self, **options: Any) -> None:
        super().__init__(what="A rollback window", bounds=lambda: (SHORTEST_SECONDS, LONGEST_SECONDS), **options)


def _in_words(seconds: int) -> str:
    return format_duration(seconds * NANOSECONDS)


class KnownSizes(serializers.Serializer[Any]):
    """This will check what `custom_config` of every start knows."""

    cpu_overcommit = Factor(required=False, min_value=0.1, max_value=_LARGEST_FACTOR)
    memory_overcommit = Factor(required=False, min_value=0.1, max_value=_LARGEST_FACTOR)
    debug_mode = Flag(required=False)
    stalled_replication = Choice(
        choices=["accept"],
        required=False,
        help_text="`accept`: go on from the replica as it is, though its newest sync fell silent and may be torn. "
        "Wants the VM's name in vm_name, and a reason.",
    )


class KnownConfig(KnownSizes):
    """This will check the known keys of `custom_config`; unknown ones are kept and named in the warnings."""

    test_environment = Flag(required=False)


class CheckedLiveConfig(KnownConfig):
    """This will check what `custom_config` of a live start knows beside the rest: when its way back ends, and how."""

    rollback_window = RollbackWindow(required=False)
    after_rollback_window = Choice(choices=AfterWindow.choices, required=False)


# The one is no test, and the other is asked for by naming whose snapshots.
_NOT_ASKED_FOR = frozenset({Strategy.LIVE, Strategy.FROM_SNAPSHOTS})


class KnownTestConfig(KnownConfig):
    """This will check what `custom_config` of a test knows beside the rest: how the test gets its disks."""

    test_strategy = Choice(
        choices=[strategy.value for strategy in Strategy if strategy not in _NOT_ASKED_FOR], required=False
    )
    from_snapshots_of = Text(
        required=False,
        max_length=200,
        help_text="The job whose snapshots of this VM's disks the test is made of, instead of fresh ones: a way on "
        "from a replica whose sync was torn. Wants the VM's name in vm_name, and a reason.",
    )


class NotificationConfig(serializers.Serializer[Any]):
    """This will check where word of the job is sent."""

    email = serializers.EmailField(required=False, max_length=254)
    slack_webhook = serializers.URLField(required=False, max_length=500)


class Urgency(Choice):
    """This will take a priority by its name and give its number."""

    def __init__(self, **options: Any) -> None:
        names = [name.lower() for name in Priority.names]
        words = "Which of two queued failovers begins first, where a limit makes them queue."
        super().__init__(choices=names, help_text=words, **options)

    def to_internal_value(self, data: Any) -> Any:
        """Give the number; fails for unknown names."""
        return Priority[super().to_internal_value(data).upper()].value


class KnownLiveConfig(KnownSizes):
    """This will describe what `custom_config` of a live start may say: never that it is a test."""

    test_environment = Choice(choices=[False], required=False)
    rollback_window = RollbackWindow(
        required=False, help_text="How long the way back is meant to stay open after the success, as 4h or 72h."
    )
    after_rollback_window = Choice(
        choices=AfterWindow.choices,
        required=False,
        help_text="What is done by itself when the rollback window is over; `nothing` if left out.",
    )


@extend_schema_field(KnownLiveConfig)
class LiveConfigField(serializers.DictField):
    """This will take `custom_config` of a live start; keys that it does not know are kept."""


@extend_schema_field(KnownTestConfig)
class TestConfigField(serializers.DictField):
    """This will take `custom_config` of a test; keys that it does not know are kept."""


@extend_schema_field(NotificationConfig)
class NotificationField(serializers.DictField):
    """This will take `notification_config`; keys that it does not know are kept."""


class StartBody(serializers.Serializer[Any]):
    """This will parse the body of a live start."""

    known_config: ClassVar[type[serializers.Serializer[Any]]] = CheckedLiveConfig

    vm_id = Id(max_length=128)
    vm_name = Name(required=False, allow_blank=True, default="", max_length=255)
    skip_validation = Flag(required=False, default=False)
    network_mappings = serializers.DictField(
        child=Id(max_length=200), required=False, default=dict, help_text="Source network name to target network id."
    )
    custom_config: serializers.DictField = LiveConfigField(required=False, default=dict)
    notification_config = NotificationField(required=False, default=dict)
    reason = Text(required=False, allow_blank=True, default="", max_length=1000)
    priority = Urgency(required=False)

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

    custom_config = TestConfigField(required=False, default=dict)
    test_duration = TestDuration(help_text="How long the test VM runs, as 30m, 2h or 4h30m.")
    auto_cleanup = Flag(required=False, default=False)


class DryRunQuery(serializers.Serializer[Any]):
    """This will parse whether a start is only to be shown."""

    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="true: validate and answer the plan; nothing is started or kept."
    )


def refuse_dry_run_in_body(body: Any) -> None:
    """Refuse what would else be ignored, and do for real what its caller meant only to see."""
    if isinstance(body, Mapping) and "dry_run" in body:
        raise serializers.ValidationError({"dry_run": ["Say it in the query string: ?dry_run=true"]})


class BulkVM(StartBody):
    """This will describe one VM of a bulk start: its id, and what differs from the fields that all share."""

    test_duration = TestDuration(required=False, help_text="Tests only; needed here or for all.")
    auto_cleanup = Flag(required=False, help_text="Tests only.")


@extend_schema_field(BulkVM(many=True))
class BulkVMs(serializers.ListField):
    """This will take the VMs unread: each is parsed by itself, so that one mistake refuses one VM."""

    child = serializers.DictField()


class BulkBody(serializers.Serializer[Any]):
    """This will parse the body of a bulk start: the VMs, and the fields of a start that count for all of them."""

    type = Choice(choices=JobType.choices)
    vms = BulkVMs(min_length=1, max_length=MOST_STARTS, help_text=f"1 to {MOST_STARTS} VMs; their fields come first.")
    skip_validation = Flag(required=False)
    network_mappings = serializers.DictField(child=Id(max_length=200), required=False)
    custom_config = serializers.DictField(required=False)
    notification_config = serializers.DictField(required=False)
    reason = Text(required=False, allow_blank=True, max_length=1000)
    priority = Urgency(required=False)
    test_duration = TestDuration(required=False, help_text="Tests only.")
    auto_cleanup = Flag(required=False, help_text="Tests only.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse to share what names one VM."""
        shared = [name for name in ("vm_id", "vm_name") if name in self.initial_data]
        if shared:
            raise serializers.ValidationError({name: "It belongs to each of `vms`." for name in shared})
        return attrs


def _checked(value: Mapping[str, Any], *, by: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    by(data=value).is_valid(raise_exception=True)
    return dict(value)
