"""This will hold what the last comparison of each cloud with inventory and journal found."""

from __future__ import annotations

from django.db import models


class WorldLook(models.Model):
    """The newest look at one cloud; what could not be read leaves the findings of the look before."""

    cloud = models.OneToOneField("inventory.TargetCloud", on_delete=models.CASCADE, related_name="world_look")
    began_at = models.DateTimeField(help_text="when the newest look began, also one that could not read the cloud")
    seconds = models.FloatField(default=0.0, help_text="how long that look took")
    trouble = models.TextField(blank=True, help_text="why the cloud could not be read then; blank: it was")
    read_at = models.DateTimeField(null=True, blank=True, help_text="when the cloud was last read whole")
    counts = models.JSONField(default=dict, help_text="differences found then, by kind")
    findings = models.JSONField(default=list, help_text="the differences found then, the worst first")

    class Meta:
        """One row per cloud."""

        ordering = ["cloud"]

    def __str__(self) -> str:
        return f"{self.cloud} as of {self.read_at}"
