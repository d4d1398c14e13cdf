"""This will hold the rows of a failover: job, plans, steps, attempts, reservations, leases, questions, events."""

from jobs.models.attempt import AttemptState, Reservation, StepAttempt
from jobs.models.event import JobEvent
from jobs.models.job import AfterWindow, FailoverJob, JobState, JobStatus, JobType, Outcome, Priority
from jobs.models.lease import ProcessLease, RoleLease
from jobs.models.look import WorldLook
from jobs.models.plan import Phase, Plan, PlanKind, PlanState, Step, StepState
from jobs.models.pulse import Pulse, PulsePart
from jobs.models.question import Question
from jobs.models.timing import CommandTiming

__all__ = [
    "AfterWindow",
    "AttemptState",
    "CommandTiming",
    "FailoverJob",
    "JobEvent",
    "JobState",
    "JobStatus",
    "JobType",
    "Outcome",
    "Phase",
    "Plan",
    "PlanKind",
    "PlanState",
    "Priority",
    "ProcessLease",
    "Pulse",
    "PulsePart",
    "Question",
    "Reservation",
    "RoleLease",
    "Step",
    "StepAttempt",
    "StepState",
    "WorldLook",
]
