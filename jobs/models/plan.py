"""This will hold plans and their steps: what a job does, written down before the first step runs."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT

from jobs.models.job import FailoverJob


class Phase(models.TextChoices):
    """The phases of a plan, in the order in which the status shows them."""

    VALIDATING = "validating"
    SNAPSHOTTING = "snapshotting"
    CREATING_VM = "creating_vm"
    SWITCHING_VOLUME = "switching_volume"
    POWERING_ON = "powering_on"
    REVERTING = "reverting"
    CLEANUP = "cleanup"


class PlanKind(models.TextChoices):
    """What a plan is for."""

    FORWARD = "forward"
    COMPENSATE = "compensate"
    CLEANUP = "cleanup"
    ROLLBACK = "rollback"
    COMMIT = "commit"


class PlanState(models.TextChoices):
    """Running plans start steps; stopping plans only let the started ones end."""

    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"


class StepState(models.TextChoices):
    """Where a step is. Failed means: known not to have taken effect, and not to be tried again."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


# Only replicas are detached from an appliance, hung on one, or snapshot.
REPLICA_COMMANDS = ("detach_from_appliance", "attach_to_appliance", "return_to_appliance", "take_snapshot")


class Plan(models.Model):
    """A list of steps with one purpose; a job has one forward plan and, where needed, others after it."""

    job = models.ForeignKey(FailoverJob, on_delete=models.CASCADE, related_name="plans")
    kind = models.CharField(max_length=12, choices=PlanKind.choices)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=PlanState.choices, default=PlanState.RUNNING)
    stop_reason = models.TextField(blank=True, help_text="why it was stopped, in words for the operator")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """At most one plan of a job moves."""

        ordering = ["job", "number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="plan_number_unique"),
            models.UniqueConstraint(
                fields=["job"], condition=Q(state__in=["running", "stopping"]), name="one_moving_plan_per_job"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.kind} #{self.number}"


class Step(models.Model):
    """One command with its arguments, and the steps it needs before it."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="steps")
    key = models.CharField(max_length=80)
    position = models.PositiveIntegerField()
    phase = models.CharField(max_length=20, choices=Phase.choices)
    command = models.CharField(max_length=60)
    version = models.PositiveIntegerField(default=1)
    arguments = models.JSONField(default=dict, help_text='values may name results: "${step-key.field}"')
    after = models.JSONField(default=list, help_text="keys of the steps that must be done first")
    title = models.CharField(max_length=200)
    is_point_of_no_return = models.BooleanField(default=False)

    state = models.CharField(max_length=10, choices=StepState.choices, default=StepState.WAITING)
    attempts_made = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)
    left_behind = models.BooleanField(default=False, help_text="failed, but left something that its inverse removes")
    not_before = models.DateTimeField(null=True, blank=True)
    waiting_for = models.CharField(max_length=200, blank=True, help_text="a reserved resource, when it waits for one")
    reason = models.TextField(blank=True, help_text="why it waits or failed, in words for the operator")
    waiting_since = models.DateTimeField(null=True, blank=True)
    wait_limit = models.FloatField(
        null=True, blank=True, help_text="after so many seconds of it a person is asked; none: the wait has no limit"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A key names one step of its plan."""

        ordering = ["plan", "position"]
        constraints = [models.UniqueConstraint(fields=["plan", "key"], name="step_key_unique_in_plan")]
        indexes = [
            models.Index(fields=["waiting_for"], condition=~Q(waiting_for=""), name="step_waiting_for"),
            # Before anything is destroyed the journal is asked whether it made it, and whether it is a replica.
            models.Index(KT("arguments__volume_id"), condition=Q(command__in=REPLICA_COMMANDS), name="step_of_replica"),
            models.Index(KT("result__vm_id"), condition=Q(command="deploy_target"), name="step_made_vm"),
            models.Index(KT("result__root_volume_id"), condition=Q(command="deploy_target"), name="step_made_root"),
            models.Index(KT("result__volume_id"), condition=Q(command="create_clone"), name="step_made_clone"),
            models.Index(KT("result__snapshot_id"), condition=Q(command="take_snapshot"), name="step_made_snapshot"),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"
