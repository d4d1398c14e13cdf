"""This will hold sums that only grow: of calls, tries, seconds; `/metrics` shows them."""

from __future__ import annotations

from django.db import models


class Tally(models.Model):
    """One sum of all processes since the database was made."""

    metric = models.CharField(max_length=80, help_text="what was counted; the metric's name without its prefix")
    labels = models.CharField(max_length=800, help_text="of what, as JSON with sorted names")
    total = models.FloatField(help_text="how many, or how much")

    class Meta:
        """One row per metric and labels: processes add to it, they never set it."""

        verbose_name_plural = "tallies"
        ordering = ("metric", "labels")
        constraints = (models.UniqueConstraint(fields=["metric", "labels"], name="tally_once_per_labels"),)

    def __str__(self) -> str:
        return f"{self.metric} {self.labels}"
