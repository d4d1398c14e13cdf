"""This will keep the findings of the newest validation of each VM and purpose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import IntegrityError, OperationalError, transaction

from database.statements import insert_all, remove
from validation.models import ValidationCheck
from validation.verdict import Verdict


def keep_findings(verdicts: Sequence[Verdict], *, now: datetime) -> None:
    """Put the findings in the place of the earlier ones of the same VM and purpose; all in few statements."""
    # Two that validate the same VMs at once meet in the same order.
    ordered = sorted(verdicts, key=lambda verdict: (verdict.vm.pk, verdict.purpose))
    if len(ordered) > 1 and _are_kept_together(ordered, now=now):
        return
    for verdict in ordered:
        _keep_one(verdict, now=now)


def _are_kept_together(verdicts: Sequence[Verdict], *, now: datetime) -> bool:
    try:
        _put(verdicts, now=now)
    except (IntegrityError, OperationalError):
        # Another validation of one of them is under way (or each waits for the other): the others are not in its way.
        return False
    return True


def _keep_one(verdict: Verdict, *, now: datetime) -> None:
    try:
        _put([verdict], now=now)
    except IntegrityError:
        # Another validation of this VM ended in the same moment: its findings are as new as ours.
        return


def _put(verdicts: Sequence[Verdict], *, now: datetime) -> None:
    rows = [row for verdict in verdicts for row in _rows(verdict, now=now)]
    vms: dict[str, list[int]] = defaultdict(list)
    for verdict in verdicts:
        vms[verdict.purpose].append(verdict.vm.pk)
    with transaction.atomic():
        for purpose, ids in vms.items():
            remove(ValidationCheck, purpose=purpose, vm=tuple(ids))
        insert_all(rows)


def _rows(verdict: Verdict, *, now: datetime) -> Iterator[ValidationCheck]:
    for position, judged in enumerate(verdict.checks):
        yield ValidationCheck(
            vm_id=verdict.vm.pk,
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
