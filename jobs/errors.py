"""This will name what can be wrong with a request about jobs; `error_code` is a key of the API's table of codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.models import FailoverJob


class JobError(Exception):
    """The base: what happened, to which thing, what to do."""

    error_code = "INTERNAL_ERROR"
    message = "The request cannot be carried out"
    required_actions: tuple[str, ...] = ()
    extra: dict[str, Any] | None = None


class UnforeseenError(JobError):
    """Our own defect, met at one of many starts: the log tells all about it under the error id."""

    message = "An error in this service"
    required_actions = ("Look for error_id in the log (GET /api/v1/debug/logs), and report it", "Start this VM alone")

    def __init__(self, error_id: str) -> None:
        super().__init__(
            f"The service failed at this VM for a reason that nobody foresaw ({error_id}); it was not started."
        )
        self.extra = {"error_id": error_id}


class VMNotFound(JobError):
    """There is no such VM in the inventory."""

    error_code = "VM_NOT_FOUND"
    message = "VM not found"
    required_actions = ("Check the vm_id, or import the VM into the inventory",)

    def __init__(self, vm_id: str) -> None:
        super().__init__(f"VM {vm_id} does not exist or is not accessible")


class JobNotFound(JobError):
    """There is no such job."""

    error_code = "JOB_NOT_FOUND"
    message = "Failover job not found"
    required_actions = ("Check the job_id; GET /api/v1/failover/jobs lists all jobs",)

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Failover job {job_id} does not exist")


class ActiveJob(JobError):
    """Another job holds the VM."""

    error_code = "ACTIVE_JOBS"
    message = "Validation failed"

    def __init__(self, *, vm_id: str, kind: str, reference: str) -> None:
        words = "migration" if kind == "replication" else "failover"
        super().__init__(f"VM has active {words} jobs - cannot perform failover: {reference}")
        self.required_actions = (f"Wait for active {words} to complete: {reference}", f"Cancel active {words} job")
        self.extra = {"blocking_job": reference, "vm_id": vm_id}


class CloudNotUsable(JobError):
    """The target cloud cannot be asked."""

    error_code = "OSSEA_NOT_CONFIGURED"
    message = "OSSEA is not configured or not reachable"
    required_actions: tuple[str, ...] = ("Check the target cloud's endpoint and credentials in the inventory",)

    def __init__(self, text: str, *, cloud_id: int | None = None) -> None:
        super().__init__(text)
        # The key of the cloud, where one start has found out for others.
        self.cloud_id = cloud_id


class ServicePaused(JobError):
    """The database is older than the world, or that cannot be read."""

    error_code = "SERVICE_PAUSED"
    message = "The service is paused"
    required_actions = ("Compare with manage.py verify_world, then confirm with manage.py confirm_database",)


class CloudSilent(CloudNotUsable):
    """The target cloud did not answer another start of the same request."""

    message = "Validation failed"

    def __init__(self, text: str, *, error_code: str, required_actions: tuple[str, ...]) -> None:
        super().__init__(text)
        self.error_code = error_code
        self.required_actions = required_actions or CloudNotUsable.required_actions


class ListedTwice(JobError):
    """A bulk start names a VM again."""

    error_code = "INVALID_REQUEST"
    message = "Invalid request"
    required_actions = ("List every VM once",)

    def __init__(self, vm_id: str) -> None:
        super().__init__(f"VM {vm_id} is listed twice: only its first entry counts")


class InvalidStart(JobError):
    """One start of a bulk has fields that cannot be read; `detail` says by field what is wrong."""

    error_code = "INVALID_REQUEST"
    message = "Invalid request"
    required_actions = ("Correct the parameters that the error names",)

    def __init__(self, detail: Any) -> None:
        fields = detail if isinstance(detail, dict) else {}
        super().__init__("; ".join(f"{name}: {_words(inner)}" for name, inner in fields.items()) or str(detail))
        self.extra = {"fields": fields}


def _words(detail: Any) -> str:
    if isinstance(detail, dict):
        return ", ".join(f"{name}: {_words(inner)}" for name, inner in detail.items())
    return " ".join(_words(inner) for inner in detail) if isinstance(detail, list) else str(detail)


class ContradictoryOptions(JobError):
    """Two things that a start asks for cannot both be meant."""

    error_code = "INVALID_REQUEST"
    message = "Invalid request"

    def __init__(self, *, field: str, why: str, to_do: str) -> None:
        super().__init__(f"{field}: {why}")
        self.required_actions = (to_do,)
        self.extra = {"fields": {field.partition(".")[0]: [why]}}


class InventoryChanged(JobError):
    """An import changed the VM's disks while the start was being validated."""

    error_code = "VALIDATION_FAILED"
    message = "Validation failed"
    required_actions = ("Start again: the inventory changed while the start was validated",)

    def __init__(self, vm_id: str) -> None:
        super().__init__(f"The disks or replicas of VM {vm_id} changed in the inventory during the start")


class SnapshotsForbidden(JobError):
    """The cloud forbids snapshots of running VMs, and the fallback is switched off for it."""

    error_code = "SNAPSHOT_FAILED"
    message = "Test failover failed"
    required_actions = (
        "Enable kvm.snapshot.enabled in CloudStack global settings",
        "OR implement new VM snapshot approach (architectural update required)",
        "That approach is built in: switch the detached-clone fallback on for this cloud (test_strategy: auto)",
    )

    def __init__(self) -> None:
        super().__init__(
            "Failed to create test snapshot: CloudStack API error 530: KVM Snapshot is not supported for Running VMs"
        )


class RevertForbidden(JobError):
    """A test on the replicas themselves was asked for, and the key could not revert them afterwards."""

    error_code = "VALIDATION_FAILED"
    message = "Validation failed"

    def __init__(self, api: str) -> None:
        super().__init__(f"The API key may not use {api}, which reverts the replicas after the test")
        self.required_actions = (f"Grant the API key's role {api}", "OR ask for another test_strategy")


class CannotCleanUp(JobError):
    """The job's state does not allow a cleanup."""

    error_code = "INVALID_STATE"
    message = "Cannot cleanup test failover"
    required_actions = ("Read the job's status: nothing of it is left to clean, or it is no test",)

    def __init__(self, job: FailoverJob, why: str = "") -> None:
        super().__init__("Job not found or not in a state that allows cleanup" + (f": {why}" if why else ""))
        self.extra = {"job_status": job.status, "job_id": job.job_id}


class CannotCancel(JobError):
    """The job is over, or past its point of no return."""

    error_code = "INVALID_STATE"
    message = "The job cannot be cancelled"
    required_actions = ("Read the job's status; after the target VM was started only a rollback undoes it",)

    def __init__(self, job: FailoverJob) -> None:
        if job.completed_at is not None:
            why = "it is finished"
        elif job.window_opened_at is not None:
            why = "its test VM was started; the cleanup ends a test"
            self.required_actions = (f"DELETE /api/v1/failover/test/{job.job_id}",)
        elif job.point_of_no_return_at is None:
            why = "an operator had everything left where it is, and its last calls have not ended yet"
            self.required_actions = ("Wait until it has ended; then its cleanup or rollback undoes it",)
        else:
            why = "the start of the target VM was ordered"
        super().__init__(f"Job {job.job_id} cannot be cancelled: {why}")
        self.extra = {"job_status": job.status}


class CannotAnswer(JobError):
    """The question is closed, or does not offer the choice."""

    error_code = "INVALID_STATE"
    message = "The question cannot be answered so"

    def __init__(self, words: str, *, offered: Mapping[int, Sequence[str]]) -> None:
        super().__init__(words)
        self.required_actions = tuple(
            f"Answer question {number} with one of: {', '.join(choices)}" for number, choices in offered.items()
        ) or ("Read the job's status: it asks nothing now",)


class _NotNow(JobError):
    """The job's state forbids a verb; the reason is a sentence."""

    error_code = "INVALID_STATE"
    required_actions = ("Read the job's status: it lists the allowed actions",)

    def __init__(self, job: FailoverJob, reason: str) -> None:
        super().__init__(f"{job.job_id}: {reason}")
        self.extra = {"job_status": job.status}


class CannotRollBack(_NotNow):
    """There is no way back from here."""

    message = "Cannot roll back"


class CannotRetry(_NotNow):
    """The job did not stop, or nobody may run it again."""

    message = "Cannot retry"


class CannotCommit(_NotNow):
    """There is nothing to commit."""

    message = "Cannot commit"


class CannotExtend(_NotNow):
    """There is no open window."""

    message = "Cannot extend the window"


class NameNotConfirmed(JobError):
    """Whoever rolls back types the name of the VM whose writes will be lost."""

    error_code = "INVALID_REQUEST"
    message = "Invalid request"

    def __init__(self, job: FailoverJob) -> None:
        super().__init__(
            f"confirm_vm_name: What {job.vm_name} wrote since its first start will be lost; type its name to confirm."
        )
        self.required_actions = (f"Send confirm_vm_name: {job.vm_name}",)
        self.extra = {"fields": {"confirm_vm_name": ["Type the VM's name."]}}


class BadDuration(JobError):
    """A duration that cannot be read, or is out of bounds."""

    error_code = "INVALID_REQUEST"
    message = "Invalid request"
    required_actions = ("Send a duration such as 30m or 2h",)

    def __init__(self, words: str) -> None:
        super().__init__(f"duration: {words}.")
        self.extra = {"fields": {"duration": [f"{words}."]}}
