"""This will give checks the words for what they find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from validation.facts import Facts
from validation.models import CheckStatus, CheckType


class Area(StrEnum):
    """Which part of the configuration a check looks at; the configuration check answers area by area."""

    SOURCE = "source"
    SYNC = "sync"
    JOBS = "jobs"
    NETWORKS = "networks"
    CLOUD = "cloud"
    VOLUMES = "volumes"
    TARGET = "target"


@dataclass(frozen=True)
class Finding:
    """This will hold what one check found; `errors` and `warnings` are sentences for the verdict's lists."""

    status: CheckStatus
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    required_actions: tuple[str, ...] = ()
    error_code: str = ""


@dataclass(frozen=True)
class Check:
    """This will describe one check: a pure function from facts to a finding.

    `reads` are the facts of the cloud it rests on: while one is unread the check is skipped, and their time counts as
    its own. A `safety` check is never skipped on request.
    """

    name: str
    area: Area
    check_type: CheckType
    judge: Callable[[Facts], Finding]
    safety: bool = False
    reads: tuple[str, ...] = ()
    error_code: str = "VALIDATION_FAILED"


def passed(message: str, **details: Any) -> Finding:
    """Say that all is well."""
    return Finding(CheckStatus.PASS, message, details)


def warned(message: str, *, actions: Sequence[str] = (), warnings: Sequence[str] = (), **details: Any) -> Finding:
    """Say that something is worth knowing and blocks nothing."""
    return Finding(
        CheckStatus.WARNING,
        message,
        details,
        warnings=tuple(warnings) or (message,),
        required_actions=tuple(actions),
    )


def failed(
    message: str,
    *,
    actions: Sequence[str],
    errors: Sequence[str] = (),
    warnings: Sequence[str] = (),
    code: str = "",
    **details: Any,
) -> Finding:
    """Say what is wrong and what must be done."""
    return Finding(
        CheckStatus.FAIL,
        message,
        details,
        errors=tuple(errors) or (message,),
        warnings=tuple(warnings),
        required_actions=tuple(actions),
        error_code=code,
    )


def skipped(message: str) -> Finding:
    """Say that the check could not be made, and why."""
    return Finding(CheckStatus.SKIPPED, message)
