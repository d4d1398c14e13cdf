"""This will look at a cloud twice and tell every difference that both looks show; it only reads."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstack import Gateway
from inventory.models import TargetCloud
from jobs.orphans import Orphan, find_orphans
from jobs.sight import look_at
from jobs.verification.findings import Drift, Finding
from jobs.verification.machines import made_findings, network_findings
from jobs.verification.replicas import appliance_findings, replica_findings

_ORDER = {"alarm": 0, "warning": 1, "note": 2}


def verify_cloud(*, gateway: Gateway, cloud: TargetCloud) -> list[Finding]:
    """Give the differences, the worst first; raises CloudError.

    Jobs go on meanwhile, and lists of a cloud take time: what a second look does not show was only on its way.
    """
    first = list(_findings(gateway, cloud))
    if not first:
        return []
    known = {finding.key for finding in first}
    both = [finding for finding in _findings(gateway, cloud) if finding.key in known]
    return sorted(both, key=lambda finding: (_ORDER[finding.weight], finding.drift, finding.name))


def _findings(gateway: Gateway, cloud: TargetCloud) -> Iterator[Finding]:
    sight = look_at(gateway)
    yield from appliance_findings(cloud, sight)
    yield from replica_findings(cloud, sight)
    yield from made_findings(cloud, sight)
    yield from network_findings(cloud, gateway.networks())
    yield from (_of_orphan(orphan) for orphan in find_orphans(gateway=gateway, cloud=cloud, sight=sight))


def _of_orphan(orphan: Orphan) -> Finding:
    subject = orphan.kind.replace("_", " ")
    job_id = orphan.job.job_id if orphan.job is not None else ""
    if orphan.may_go:
        drift, words = Drift.ORPHAN, f"The {orphan} is left over: {orphan.proof}"
    elif orphan.job is None:
        drift, words = Drift.UNKNOWN_MARKER, f"The {orphan} is unknown: {orphan.obstacle}"
    else:
        drift, words = Drift.LEFTOVER_IN_DOUBT, f"The {orphan} is left over and stays: {orphan.obstacle}"
    return Finding(drift, subject, orphan.id, orphan.name, words, job_id)
