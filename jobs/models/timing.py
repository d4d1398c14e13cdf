"""This will hold how long commands took before: the base of estimates and of the watcher's first look."""

from __future__ import annotations

from django.db import models


class CommandTiming(models.Model):
    """A moving average of the seconds that a command takes on a cloud."""

    endpoint = models.CharField(max_length=64)
    command = models.CharField(max_length=60)
    mean_seconds = models.FloatField()
    samples = models.PositiveIntegerField(default=0)

    class Meta:
        """One average per cloud and command."""

        constraints = [models.UniqueConstraint(fields=["endpoint", "command"], name="timing_unique")]

    def __str__(self) -> str:
        return f"{self.command}: {self.mean_seconds:.1f} s"
