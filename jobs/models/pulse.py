"""This will hold when each part that works in rounds last ended one: what health reads without waiting for anybody."""

from __future__ import annotations

from django.db import models


class PulsePart(models.TextChoices):
    """Which part it is."""

    SWEEPER = "sweeper", "a sweep for due work"
    CANARY = "canary", "a message through the broker to a worker and back into the database"


class Pulse(models.Model):
    """The last round of one part of the service; whoever did it, there is one row per part."""

    part = models.CharField(max_length=20, choices=PulsePart.choices, unique=True)
    began_at = models.DateTimeField(null=True, blank=True, help_text="when the newest round began")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="when a round last came to its end")
    seconds = models.FloatField(null=True, blank=True, help_text="how long that round took")

    class Meta:
        """A row that names no part is a defect."""

        ordering = ["part"]
        constraints = [
            models.CheckConstraint(condition=models.Q(part__in=PulsePart.values), name="pulse_part_known"),
        ]

    def __str__(self) -> str:
        return f"{self.part} at {self.ended_at}"
