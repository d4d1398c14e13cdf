"""This will say what the options of a start mean: which keys are known, what contradicts the start, what has no effect.

The keys are documented in docs/start-options.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from jobs.errors import ContradictoryOptions
from jobs.models import AfterWindow, JobType
from notifications.addresses import AddressNotAllowed, slack_address

_SIZES = ("cpu_overcommit", "memory_overcommit")
_OF_ALL = (*_SIZES, "test_environment", "debug_mode", "stalled_replication")
KNOWN_CONFIG: Mapping[JobType, frozenset[str]] = {
    JobType.LIVE: frozenset({*_OF_ALL, "rollback_window", "after_rollback_window"}),
    JobType.TEST: frozenset({*_OF_ALL, "test_strategy", "from_snapshots_of"}),
}
KNOWN_NOTIFICATIONS = frozenset({"email", "slack_webhook"})


def refuse_contradictions(custom_config: Mapping[str, Any], *, kind: JobType) -> None:
    """Raise ContradictoryOptions for a live start that says it is a test: it would end on production networks."""
    if kind == JobType.LIVE and custom_config.get("test_environment") is True:
        raise ContradictoryOptions(
            field="custom_config.test_environment",
            why="A live failover runs on production networks, it is no test environment.",
            to_do="POST /api/v1/failover/test, or leave test_environment out",
        )
    if kind == JobType.LIVE and older_snapshots(custom_config):
        raise ContradictoryOptions(
            field="custom_config.from_snapshots_of",
            why="A live failover runs on the replica itself, and a replica that was reverted is not to be trusted.",
            to_do="Start a test from these snapshots; for a live failover have the replica resynchronised",
        )
    if older_snapshots(custom_config) and custom_config.get("test_strategy"):
        raise ContradictoryOptions(
            field="custom_config.test_strategy",
            why="A test from older snapshots gets its disks from copies of those, in no other way.",
            to_do="Leave test_strategy or from_snapshots_of out",
        )
    if kind == JobType.LIVE and custom_config.get("after_rollback_window") and not custom_config.get("rollback_window"):
        raise ContradictoryOptions(
            field="custom_config.after_rollback_window",
            why="There is no rollback window after which it could be done.",
            to_do="Send rollback_window as well, or leave after_rollback_window out",
        )


def accepts_stalled(custom_config: Mapping[str, Any]) -> bool:
    """Whether a start asks to go on in spite of a replication that fell silent."""
    return custom_config.get("stalled_replication") == "accept" or bool(older_snapshots(custom_config))


def older_snapshots(custom_config: Mapping[str, Any]) -> str:
    """Give the job whose snapshots a test shall be made of instead of fresh ones; nothing where none is named."""
    return str(custom_config.get("from_snapshots_of") or "").strip()


def refuse_unexplained_acceptance(
    custom_config: Mapping[str, Any], *, vm_name: str, typed_name: str, reason: str
) -> None:
    """Raise ContradictoryOptions for going on from a torn replica without the VM's name and a reason."""
    if not accepts_stalled(custom_config):
        return
    if typed_name != vm_name:
        raise ContradictoryOptions(
            field="vm_name",
            why="To go on from a torn replica or from older snapshots, type the VM's name as the inventory has it.",
            to_do=f"Send vm_name: {vm_name}",
        )
    if not reason.strip():
        raise ContradictoryOptions(
            field="reason",
            why="To go on from a torn replica or from older snapshots, say why: it is kept for good.",
            to_do="Send a reason",
        )


def warnings_about(
    *,
    kind: JobType,
    custom_config: Mapping[str, Any],
    notification_config: Mapping[str, Any],
    unknown_fields: Mapping[str, Any],
    is_sized: bool,
) -> list[str]:
    """Name what was asked for and has no effect; `is_sized`: the offering takes the size that it is told."""
    return [
        *(f"Unknown field '{name}' is kept and has no effect." for name in unknown_fields),
        *_unknown("custom_config", custom_config, known=KNOWN_CONFIG[kind]),
        *_unknown("notification_config", notification_config, known=KNOWN_NOTIFICATIONS),
        *_untold(notification_config),
        *_without_effect(kind, custom_config, is_sized=is_sized),
    ]


def _unknown(name: str, config: Mapping[str, Any], *, known: frozenset[str]) -> Iterator[str]:
    return (f"{name}.{key} is not known and has no effect." for key in config if key not in known)


def _untold(config: Mapping[str, Any]) -> Iterator[str]:
    """Name receivers that nothing can be sent to as the service is set up; a failover is not refused for that."""
    if config.get("email") and not settings.EMAIL_HOST:
        yield "notification_config.email has no effect: no mail server is configured (EMAIL_HOST)."
    if config.get("slack_webhook"):
        try:
            slack_address(str(config["slack_webhook"]))
        except AddressNotAllowed as error:
            yield f"notification_config.slack_webhook has no effect: {error}"


def _without_effect(kind: JobType, config: Mapping[str, Any], *, is_sized: bool) -> Iterator[str]:
    if not is_sized:
        for key in _SIZES:
            if config.get(key, 1.0) != 1.0:
                yield f"custom_config.{key} has no effect: the service offering has a fixed size."
    if kind == JobType.LIVE and config.get("after_rollback_window") == AfterWindow.ROLL_BACK:
        yield (
            "At the end of its rollback window the failover is rolled back by itself, unless it was committed: what "
            "the VM wrote until then is lost."
        )
    if kind == JobType.TEST and config.get("test_environment") is False:
        yield "custom_config.test_environment has no effect: a test always runs in the test environment."
