"""This will put facts before a check and time it; every answer about a VM is judged here and nowhere else."""

from __future__ import annotations

import time

from validation.checks import CHECKS
from validation.facts import Facts
from validation.findings import Check, skipped
from validation.verdict import Judged


def judge(check: Check, *, facts: Facts) -> Judged:
    """Make one check, or skip it where the cloud did not tell what it rests on."""
    started = time.perf_counter_ns()
    reason = facts.cloud.why_unread(*check.reads)
    finding = check.judge(facts) if reason is None else skipped(f"Not checked: {reason}")
    reads_ns = sum(facts.cloud.read_ns.get(name, 0) for name in check.reads)
    return Judged(check=check, finding=finding, execution_time_ns=time.perf_counter_ns() - started + reads_ns)


def judged_by(facts: Facts, *names: str) -> tuple[Judged, ...]:
    """Make the checks of these names."""
    return tuple(judge(check, facts=facts) for check in CHECKS if check.name in names)


def passes(facts: Facts, *names: str) -> bool:
    """Say whether none of these checks forbids a failover."""
    return not any(judged.blocks for judged in judged_by(facts, *names))
