"""This will hold leases: which processes live, and which of them watches."""

from __future__ import annotations

from django.db import models


class ProcessLease(models.Model):
    """A process that may hold attempts; it lives while its heartbeat renews the row."""

    owner = models.CharField(max_length=120, unique=True)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    process_start = models.CharField(max_length=40, blank=True, help_text="tells a reused pid from the old process")
    started_at = models.DateTimeField()
    valid_until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.owner


class RoleLease(models.Model):
    """A role that only one process plays at a time, such as the watcher."""

    role = models.CharField(max_length=60, unique=True)
    owner = models.CharField(max_length=120)
    valid_until = models.DateTimeField()
    last_tick_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.role} held by {self.owner}"
