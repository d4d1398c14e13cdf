"""This will hold the failover job: what was asked, how far it is, how it ended."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class JobType(models.TextChoices):
    """What kind of failover it is."""

    LIVE = "live"
    TEST = "test"


class JobStatus(models.TextChoices):
    """The status words of the API contract."""

    PENDING = "pending"
    VALIDATING = "validating"
    SNAPSHOTTING = "snapshotting"
    CREATING_VM = "creating_vm"
    SWITCHING_VOLUME = "switching_volume"
    POWERING_ON = "powering_on"
    EXECUTING = "executing"
    COMPLETED = "completed"
    FAILED = "failed"
    CLEANUP = "cleanup"
    REVERTING = "reverting"


class JobState(models.TextChoices):
    """Who has to act next: a worker, a person, a clock, or nobody."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING_FOR_OPERATOR = "waiting_for_operator"
    WINDOW_OPEN = "window_open"
    FINISHED = "finished"


class Outcome(models.TextChoices):
    """How a finished job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMMITTED = "committed"
    ROLLED_BACK = "rolled_back"


class AfterWindow(models.TextChoices):
    """What becomes of a live failover when its rollback window is over."""

    NOTHING = "nothing"
    COMMIT = "commit"
    ROLL_BACK = "roll_back"


class Priority(models.IntegerChoices):
    """Which of two queued jobs begins first."""

    LOW = -1
    NORMAL = 0
    HIGH = 1


MOVING_STATES = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING_FOR_OPERATOR)


class FailoverJob(models.Model):
    """One failover of one VM, from the request to its last clean-up."""

    job_id = models.CharField(max_length=200, unique=True, help_text="{type}-failover-{vm_id}-{unix seconds}")
    job_type = models.CharField(max_length=8, choices=JobType.choices)
    vm = models.ForeignKey("inventory.ProtectedVM", on_delete=models.PROTECT, related_name="failover_jobs")
    source_vm_id = models.CharField(max_length=128)
    vm_name = models.CharField(max_length=255)
    marker = models.CharField(max_length=16, unique=True, help_text="carried by the name of everything the job makes")
    endpoint = models.CharField(max_length=64, help_text="key of the target cloud whose async jobs this job waits for")
    specification = models.JSONField(
        default=dict, help_text="everything resolved before the start; never changed after"
    )

    priority = models.SmallIntegerField(
        choices=Priority.choices, default=Priority.NORMAL, help_text="which of two queued jobs begins first"
    )
    status = models.CharField(max_length=20, choices=JobStatus.choices, default=JobStatus.PENDING)
    state = models.CharField(max_length=24, choices=JobState.choices, default=JobState.QUEUED)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, null=True, blank=True)
    progress = models.FloatField(default=0.0, help_text="per cent, 0 to 100")
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    destination_vm_id = models.CharField(max_length=64, blank=True)
    snapshot_id = models.CharField(max_length=64, blank=True)

    point_of_no_return_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.CharField(max_length=150, blank=True)
    defects = models.PositiveIntegerField(default=0, help_text="unexpected errors in a row, our own fault")
    next_look_at = models.DateTimeField(null=True, blank=True, help_text="when the sweeper rings at the latest")
    turn = models.PositiveBigIntegerField(
        default=0, help_text="grows with each change of plan, steps or attempts: whoever read before knows it by that"
    )

    window_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="how long a test VM shall run; null: no window"
    )
    auto_cleanup = models.BooleanField(default=False)
    window_opened_at = models.DateTimeField(null=True, blank=True, help_text="when the test VM was seen running")
    window_ends_at = models.DateTimeField(null=True, blank=True)
    overdue_since = models.DateTimeField(null=True, blank=True, help_text="the window is over and nobody cleaned up")
    cleanup_requested_at = models.DateTimeField(null=True, blank=True)
    rollback_window_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="how long the way back of a live failover is meant to stay open; null: no window",
    )
    after_rollback_window = models.CharField(
        max_length=12, choices=AfterWindow.choices, default=AfterWindow.NOTHING, help_text="what is done at its end"
    )
    rollback_window_ends_at = models.DateTimeField(null=True, blank=True, help_text="null before the success")
    rollback_window_over_at = models.DateTimeField(
        null=True, blank=True, help_text="when it was noted that the window is over and nothing more is done by itself"
    )

    retry_of = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="retries",
        help_text="the job of the same request that this one tries again",
    )
    requested_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=100, blank=True, help_text="the API request that started it")
    skip_validation = models.BooleanField(default=False)
    network_mappings = models.JSONField(default=dict, blank=True)
    custom_config = models.JSONField(default=dict, blank=True)
    notification_config = models.JSONField(default=dict, blank=True)
    unknown_fields = models.JSONField(default=dict, blank=True, help_text="top-level fields of the request we lack")
    warnings = models.JSONField(default=list, blank=True)

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Constraints that must hold whatever the code does."""

        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["vm", "job_type"], condition=~Q(state="finished"), name="one_unfinished_job_per_vm_and_type"
            ),
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="job_status_is_legal"),
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_is_legal"),
            models.CheckConstraint(
                condition=Q(state="finished", outcome__isnull=False) | (~Q(state="finished") & Q(outcome__isnull=True)),
                name="job_outcome_exactly_when_finished",
            ),
        ]
        indexes = [
            # Not of next_look_at: a row whose indexed columns stay as they are is changed within its page.
            models.Index(fields=["id"], condition=~Q(state="finished"), name="job_unfinished"),
            models.Index(fields=["-created_at", "-id"], name="job_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="job_newest_of_status"),
            models.Index(fields=["state", "-created_at", "-id"], name="job_newest_of_state"),
            models.Index(fields=["job_type", "-created_at", "-id"], name="job_newest_of_type"),
            models.Index(
                fields=["rollback_window_ends_at"],
                condition=Q(rollback_window_ends_at__isnull=False, rollback_window_over_at__isnull=True),
                name="job_rollback_window",
            ),
            models.Index(fields=["source_vm_id", "-created_at", "-id"], name="job_newest_of_vm"),
            models.Index(fields=["-completed_at"], condition=Q(outcome=Outcome.FAILED), name="job_newest_failure"),
            models.Index(
                fields=["outcome", "-created_at", "-id"],
                condition=Q(outcome__isnull=False),
                name="job_newest_of_outcome",
            ),
            models.Index(
                fields=["-completed_at"],
                condition=Q(job_type=JobType.LIVE, outcome=Outcome.SUCCEEDED),
                name="job_way_back",
            ),
        ]

    def __str__(self) -> str:
        return self.job_id

    @property
    def is_watched_closely(self) -> bool:
        """Whether the start asked to be told more (`debug_mode`)."""
        return self.custom_config.get("debug_mode") is True

    @property
    def is_moving(self) -> bool:
        """Whether the job still acts or waits for an answer."""
        return self.state in MOVING_STATES
