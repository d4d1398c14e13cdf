"""This will answer whether a VM may fail over now; readiness, starts and the phase `validating` all ask here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from cloudstack.endpoint import Clock
from inventory.models import ProtectedVM
from networks.models import Purpose
from validation.checks import CHECKS
from validation.cloud_facts import CloudReads, forget_settled
from validation.errors import NotReady
from validation.facts import Facts, OlderPoint, OpenFailover, Subject, gather
from validation.judging import judge
from validation.keeping import keep_findings
from validation.verdict import Verdict


def validate(
    *,
    vm: ProtectedVM,
    purpose: Purpose,
    overrides: Mapping[str, str],
    gateway: CloudReads | None,
    clock: Clock,
    own_reference: str = "",
    copies_disks: bool = True,
    open_failovers: Sequence[OpenFailover] = (),
    target_vms: Mapping[str, str] | None = None,
    accepts_stalled: bool = False,
    older_points: Callable[[ProtectedVM], Sequence[OlderPoint]] | None = None,
    from_older_point: bool = False,
) -> Verdict:
    """Gather the facts once, judge them, keep the findings as the newest of this VM and purpose.

    `gateway` None means that no target cloud is usable. `own_reference` is the job that asks about itself: its own
    reservation of the VM is not in its way. `copies_disks` says whether a test makes copies of the disks,
    `accepts_stalled` that a replication which fell silent is no obstacle, `from_older_point` that the test is made of
    one of the `older_points` and not of the replica as it is. Takes at most ten seconds, also when the cloud hangs.
    """
    subject = Subject(
        vm=vm,
        purposes=(purpose,),
        overrides=overrides,
        own_reference=own_reference,
        copies_disks=copies_disks,
        open_failovers=open_failovers,
        target_vms=target_vms or {},
        accepts_stalled=accepts_stalled,
        older_points=older_points,
        from_older_point=from_older_point,
    )
    started = time.perf_counter_ns()
    (verdict,) = judge_each(
        gather(subject, reads=gateway, clock=clock), gateway=gateway, clock=clock, started_ns=started
    )
    return verdict


def check_configuration(
    *,
    vm: ProtectedVM,
    gateway: CloudReads | None,
    clock: Clock,
    open_failovers: Sequence[OpenFailover] = (),
    target_vms: Mapping[str, str] | None = None,
) -> tuple[Verdict, Verdict]:
    """Judge the VM for a live failover and for a test, on one reading of the cloud; keep the findings of both."""
    subject = Subject(
        vm=vm,
        purposes=(Purpose.LIVE, Purpose.TEST),
        open_failovers=open_failovers,
        target_vms=target_vms or {},
    )
    started = time.perf_counter_ns()
    live, test = judge_each(
        gather(subject, reads=gateway, clock=clock), gateway=gateway, clock=clock, started_ns=started
    )
    return live, test


def judge_each(facts: Sequence[Facts], *, gateway: CloudReads | None, clock: Clock, started_ns: int) -> list[Verdict]:
    """Judge facts that were gathered of one cloud, and keep the findings of all, each VM's and purpose's as the newest.

    `started_ns` is when their gathering began (`time.perf_counter_ns`).
    """
    verdicts = [_judged(each, started_ns=started_ns) for each in facts]
    if gateway is not None and not all(verdict.is_ready for verdict in verdicts):
        forget_settled(gateway)
    keep_findings(verdicts, now=datetime.fromtimestamp(clock.now(), tz=UTC))
    return verdicts


def refuse_unless_ready(verdict: Verdict, *, skip_validation: bool) -> None:
    """Raise NotReady when the verdict blocks; `skip_validation` skips what is no safety check."""
    blocking = verdict.blocking(safety_only=skip_validation)
    if blocking:
        raise NotReady(verdict=verdict, blocking=blocking)


def _judged(facts: Facts, *, started_ns: int) -> Verdict:
    checks = tuple(judge(check, facts=facts) for check in CHECKS)
    return Verdict(
        vm=facts.vm,
        purpose=facts.purpose,
        facts=facts,
        checks=checks,
        execution_time_ns=time.perf_counter_ns() - started_ns,
    )
