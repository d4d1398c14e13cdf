"""This will hold what the newest validation of each VM and purpose found, one row per check."""

from __future__ import annotations

from django.db import models

from inventory.models import ProtectedVM
from networks.models import Purpose


class CheckType(models.TextChoices):
    """How much a check weighs: a failed critical one blocks a failover."""

    CRITICAL = "critical", "Critical"
    WARNING = "warning", "Warning"
    INFO = "info", "Info"


class CheckStatus(models.TextChoices):
    """What a check found."""

    PASS = "pass", "Pass"
    FAIL = "fail", "Fail"
    WARNING = "warning", "Warning"
    SKIPPED = "skipped", "Skipped"


class ValidationCheck(models.Model):
    """This will record one finding of the newest validation run of a VM for a purpose."""

    vm = models.ForeignKey(ProtectedVM, on_delete=models.CASCADE, related_name="validation_checks")
    purpose = models.CharField(max_length=8, choices=Purpose)
    position = models.PositiveSmallIntegerField()
    check_name = models.CharField(max_length=80)
    check_type = models.CharField(max_length=10, choices=CheckType)
    status = models.CharField(max_length=10, choices=CheckStatus)
    is_safety = models.BooleanField(default=False)
    message = models.TextField()
    details = models.JSONField(default=dict, blank=True)
    required_action = models.TextField(blank=True, default="")
    execution_time_ns = models.PositiveBigIntegerField(default=0)
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ("vm_id", "purpose", "position")
        constraints = (
            models.UniqueConstraint(fields=["vm", "purpose", "position"], name="validation_one_row_per_position"),
            models.CheckConstraint(condition=models.Q(purpose__in=Purpose.values), name="validation_purpose_known"),
            models.CheckConstraint(condition=models.Q(check_type__in=CheckType.values), name="validation_type_known"),
            models.CheckConstraint(condition=models.Q(status__in=CheckStatus.values), name="validation_status_known"),
        )

    def __str__(self) -> str:
        return f"{self.check_name}: {self.status}"
