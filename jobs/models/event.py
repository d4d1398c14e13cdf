"""This will hold the events of a job: the timeline that an operator reads."""

from __future__ import annotations

from django.db import models

from jobs.models.job import FailoverJob


class JobEvent(models.Model):
    """Something that happened to a job, in words and fields; rows are only ever added."""

    job = models.ForeignKey(FailoverJob, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    message = models.TextField()
    step_key = models.CharField(max_length=80, blank=True)
    async_job_id = models.CharField(max_length=36, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    fields = models.JSONField(default=dict)

    class Meta:
        """Oldest first."""

        ordering = ["job", "id"]

    def __str__(self) -> str:
        return self.message
