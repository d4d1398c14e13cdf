"""This will hold questions to the operator: what is unclear, what was seen, what may be chosen."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from jobs.models.job import FailoverJob
from jobs.models.plan import Step


class Question(models.Model):
    """A question that stops a job until a person answers it."""

    job = models.ForeignKey(FailoverJob, on_delete=models.CASCADE, related_name="questions")
    step = models.ForeignKey(Step, on_delete=models.CASCADE, null=True, blank=True, related_name="questions")
    kind = models.CharField(max_length=40)
    text = models.TextField()
    seen = models.JSONField(default=dict, help_text="what was read, where and when")
    choices = models.JSONField(default=list, help_text='[{"choice": …, "effect": …}], the safe ones only')
    volumes = models.JSONField(
        default=list, help_text="every volume of the job: where it should be, is recorded, and is in fact"
    )
    volumes_read_at = models.DateTimeField(null=True, blank=True, help_text="when the cloud was read for that")
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=40, blank=True)
    answered_by = models.CharField(max_length=150, blank=True)
    answer_reason = models.TextField(blank=True)

    class Meta:
        """One open question per step."""

        ordering = ["job", "asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "step"], condition=Q(answered_at__isnull=True), name="one_open_question_per_step"
            )
        ]

    def __str__(self) -> str:
        return self.text
