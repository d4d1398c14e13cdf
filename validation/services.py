"""This will answer whether a VM may fail over now; readiness, starts and the phase `validating` all ask here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.db import IntegrityError, transaction

from cloudstack.endpoint import Clock
from inventory.models import ProtectedVM
from networks.models import Purpose
from validation.checks import CHECKS
from validation.cloud_facts import CloudReads, forget_settled
from validation.errors import NotReady
from validation.facts import Facts, OpenFailover, gather
from validation.judging import judge
from validation.models import ValidationCheck
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
) -> Verdict:
    """Gather the facts once, judge them, keep the findings as the newest of this VM and purpose.

    `gateway` None means that no target cloud is usable. `own_reference` is the job that asks about itself: its own
    reservation of the VM is not in its way. `copies_disks` says whether a test makes copies of the disks,
    `accepts_stalled` that a replication which fell silent is no obstacle. Takes at most ten seconds, also when the
    cloud hangs.
    """
    started = time.perf_counter_ns()
    (facts,) = gather(
        vm=vm,
        purposes=(purpose,),
        overrides=overrides,
        reads=gateway,
        clock=clock,
        own_reference=own_reference,
        copies_disks=copies_disks,
        open_failovers=open_failovers,
        target_vms=target_vms,
        accepts_stalled=accepts_stalled,
    )
    return _judged(facts, gateway=gateway, clock=clock, started_ns=started)


def check_configuration(
    *,
    vm: ProtectedVM,
    gateway: CloudReads | None,
    clock: Clock,
    open_failovers: Sequence[OpenFailover] = (),
    target_vms: Mapping[str, str] | None = None,
) -> tuple[Verdict, Verdict]:
    """Judge the VM for a live failover and for a test, on one reading of the cloud; keep the findings of both."""
    started = time.perf_counter_ns()
    live, test = gather(
        vm=vm,
        purposes=(Purpose.LIVE, Purpose.TEST),
        reads=gateway,
        clock=clock,
        open_failovers=open_failovers,
        target_vms=target_vms,
    )
    return (
        _judged(live, gateway=gateway, clock=clock, started_ns=started),
        _judged(test, gateway=gateway, clock=clock, started_ns=started),
    )


def refuse_unless_ready(verdict: Verdict, *, skip_validation: bool) -> None:
    """Raise NotReady when the verdict blocks; `skip_validation` skips what is no safety check."""
    blocking = verdict.blocking(safety_only=skip_validation)
    if blocking:
        raise NotReady(verdict=verdict, blocking=blocking)


def _judged(facts: Facts, *, gateway: CloudReads | None, clock: Clock, started_ns: int) -> Verdict:
    checks = tuple(judge(check, facts=facts) for check in CHECKS)
    verdict = Verdict(
        vm=facts.vm,
        purpose=facts.purpose,
        facts=facts,
        checks=checks,
        execution_time_ns=time.perf_counter_ns() - started_ns,
    )
    if gateway is not None and not verdict.is_ready:
        forget_settled(gateway)
    _keep(verdict, now=datetime.fromtimestamp(clock.now(), tz=UTC))
    return verdict


def _keep(verdict: Verdict, *, now: datetime) -> None:
    rows = [
        ValidationCheck(
            vm=verdict.vm,
            purpose=verdict.purpose,
            position=position,
            check_name=judged.check.name,
            check_type=judged.check.check_type,
            status=judged.finding.status,
            is_safety=judged.check.safety,
            message=judged.finding.message,
            details=dict(judged.finding.details),
            required_action="\n".join(judged.finding.required_actions),
            execution_time_ns=judged.execution_time_ns,
            checked_at=now,
        )
        for position, judged in enumerate(verdict.checks)
    ]
    try:
        with transaction.atomic():
            ValidationCheck.objects.filter(vm=verdict.vm, purpose=verdict.purpose).delete()
            ValidationCheck.objects.bulk_create(rows)
    except IntegrityError:
        # Another validation of this VM ended in the same moment: its findings are as new as ours.
        return
