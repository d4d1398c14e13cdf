"""This will say what of the things that jobs made is missing, renamed or unprotected, and which networks are gone."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstack import Network, Snapshot, VirtualMachine, Volume
from inventory.models import TargetCloud
from jobs.made import GONE, End, Ended, Kind, Made, end_of, made_by
from jobs.models import FailoverJob, JobState, JobType, Outcome, PlanKind, Step
from jobs.sight import Sight
from jobs.verification.findings import Drift, Finding
from jobs.verification.replicas import IN_SERVICE
from networks.models import NetworkMapping

_DRIFT = {Kind.MACHINE: Drift.VM_MISSING, Kind.VOLUME: Drift.VOLUME_MISSING, Kind.SNAPSHOT: Drift.SNAPSHOT_MISSING}


def made_findings(cloud: TargetCloud, sight: Sight) -> Iterator[Finding]:
    """Compare what stands in the cloud for a test in its window, or for a failover in service."""
    jobs = FailoverJob.objects.filter(endpoint=str(cloud.uuid))
    standing = jobs.filter(state=JobState.WINDOW_OPEN) | jobs.filter(
        state=JobState.FINISHED, job_type=JobType.LIVE, outcome__in=IN_SERVICE
    )
    for job in standing.order_by("id"):
        steps = list(Step.objects.filter(plan__job=job).select_related("plan").order_by("plan__number", "position"))
        forward = [step for step in steps if step.plan.kind == PlanKind.FORWARD]
        for made in made_by(forward):
            if _still_stands(job, made, end_of(made, job=job, steps=steps)):
                yield from _compared(job, made, sight)


def network_findings(cloud: TargetCloud, networks: tuple[Network, ...]) -> Iterator[Finding]:
    """Name the networks of mappings that the cloud does not show."""
    seen = {network.id.casefold() for network in networks}
    mappings = NetworkMapping.objects.filter(vm__cloud=cloud).order_by("destination_network_id", "id")
    named = dict(mappings.values_list("destination_network_id", "destination_network_name").distinct())
    for network_id, name in named.items():
        if network_id.casefold() not in seen:
            words = f"Mappings name network {name or network_id}, which the cloud does not show"
            yield Finding(Drift.NETWORK_MISSING, "network", network_id, name, words)


def _still_stands(job: FailoverJob, made: Made, ended: Ended) -> bool:
    """Whether it is to be there; what was committed belongs to somebody else, but the VM itself is looked for."""
    if ended.end not in {End.IN_USE, End.LEFT_BEHIND}:
        return False
    if made.kind == Kind.VOLUME and made.name == "":
        return False  # The placeholder: it goes on the way.
    return job.outcome != Outcome.COMMITTED or made.kind == Kind.MACHINE


def _compared(job: FailoverJob, made: Made, sight: Sight) -> Iterator[Finding]:
    thing = _shown(made, sight)
    subject = made.kind.replace("_", " ")
    if thing is None or thing.state in GONE[made.kind]:
        words = f"{made.what.capitalize()} {made.name} of job {job.job_id} is not in the cloud"
        yield Finding(_DRIFT[made.kind], subject, made.id, made.name, words, job.job_id)
        return
    if thing.name.casefold() != made.name.casefold():
        words = f"{made.what.capitalize()} {made.name} of job {job.job_id} is called {thing.name} now"
        yield Finding(Drift.RENAMED, subject, made.id, thing.name, words, job.job_id)
    if made.kind == Kind.MACHINE and _lacks_protection(job, made, sight):
        words = f"VM {thing.name} of job {job.job_id} holds replicas, and is not protected from deletion"
        yield Finding(Drift.VM_UNPROTECTED, subject, made.id, thing.name, words, job.job_id)


def _shown(made: Made, sight: Sight) -> VirtualMachine | Volume | Snapshot | None:
    match made.kind:
        case Kind.MACHINE:
            return sight.machines.get(made.id)
        case Kind.VOLUME:
            return sight.volumes.get(made.id)
        case Kind.SNAPSHOT:
            return sight.snapshots.get(made.id)


def _lacks_protection(job: FailoverJob, made: Made, sight: Sight) -> bool:
    machine = sight.machines[made.id]
    return job.job_type == JobType.LIVE and job.outcome == Outcome.SUCCEEDED and machine.delete_protection is False
