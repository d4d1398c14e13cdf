"""This will hold the attempts at a step, and what an unfinished attempt reserves."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from jobs.models.job import FailoverJob
from jobs.models.plan import Step


class AttemptState(models.TextChoices):
    """What is known of an attempt.

    intended: committed, the call may or may not have been made. submitted: CloudStack took the job. answered: the call
    or the async job ended, not read back yet. unknown: only reading can tell. done, not_done: known.
    """

    INTENDED = "intended"
    SUBMITTED = "submitted"
    ANSWERED = "answered"
    UNKNOWN = "unknown"
    DONE = "done"
    NOT_DONE = "not_done"


UNFINISHED_ATTEMPTS = (
    AttemptState.INTENDED,
    AttemptState.SUBMITTED,
    AttemptState.ANSWERED,
    AttemptState.UNKNOWN,
)


class StepAttempt(models.Model):
    """One try of a step: the intent, the answer, what was read back. A resend is another attempt with another id."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    async_job_id = models.CharField(max_length=36, unique=True, help_text="ours, sent as customjobid")
    endpoint = models.CharField(max_length=64)
    owner = models.CharField(max_length=120, help_text="the process that makes the call")
    state = models.CharField(max_length=10, choices=AttemptState.choices, default=AttemptState.INTENDED)

    intent_at = models.DateTimeField()
    deadline = models.DateTimeField(help_text="CloudStack itself refuses the request after this moment")
    submitted_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    settled_after = models.DateTimeField(null=True, blank=True, help_text="unknown is read only after this moment")
    reading_gap_seconds = models.FloatField(default=2.0, help_text="two equal readings must lie so far apart")
    next_look_at = models.DateTimeField(null=True, blank=True)
    answer = models.JSONField(default=dict)
    readings = models.JSONField(default=list, help_text="what was read back, and when; newest last, the last few kept")
    explanation = models.TextField(blank=True)

    class Meta:
        """At most one unfinished attempt per step."""

        ordering = ["step", "number"]
        constraints = [
            models.UniqueConstraint(fields=["step", "number"], name="attempt_number_unique"),
            models.UniqueConstraint(
                fields=["step"],
                condition=Q(state__in=list(UNFINISHED_ATTEMPTS)),
                name="one_unfinished_attempt_per_step",
            ),
        ]
        indexes = [
            models.Index(fields=["endpoint"], condition=Q(state="submitted"), name="attempt_submitted"),
        ]

    def __str__(self) -> str:
        return f"{self.step} attempt {self.number} ({self.state})"


class Reservation(models.Model):
    """A resource that an unfinished attempt touches; the unique key forbids a second one."""

    resource = models.CharField(max_length=200, unique=True)
    attempt = models.ForeignKey(StepAttempt, on_delete=models.CASCADE, related_name="reservations")
    job = models.ForeignKey(FailoverJob, on_delete=models.CASCADE, related_name="reservations")
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.resource} reserved by {self.job}"
