"""This will tell validation, which knows no jobs, which failovers of a VM have not ended, and what they made."""

from __future__ import annotations

from collections.abc import Mapping

from inventory.models import ProtectedVM
from jobs.models import FailoverJob, JobState
from networks.models import Purpose
from validation.facts import OpenFailover


def open_failovers_of(vm: ProtectedVM) -> tuple[OpenFailover, ...]:
    """Give the unfinished failovers of the VM, the newest first."""
    jobs = FailoverJob.objects.filter(vm=vm).exclude(state=JobState.FINISHED).order_by("-created_at", "-id")
    return tuple(
        OpenFailover(
            job_id=job.job_id,
            job_type=Purpose(job.job_type),
            status=job.status,
            state=job.state,
            progress=job.progress,
            is_moving=job.is_moving,
            created_at=job.created_at,
            started_at=job.started_at,
        )
        for job in jobs
    )


def target_vms_of(vm: ProtectedVM) -> Mapping[str, str]:
    """Give the target VMs that failovers of the VM ever made, by CloudStack's id, with the job that made each."""
    jobs = FailoverJob.objects.filter(vm=vm).exclude(destination_vm_id="").order_by("id")
    return dict(jobs.values_list("destination_vm_id", "job_id"))
