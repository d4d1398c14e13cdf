"""This will hold what was done, and the chain that seals it; rows of both tables are only ever added."""

from __future__ import annotations

import uuid

from django.db import models


class AuditEvent(models.Model):
    """Something that somebody did; `mac` proves that this service wrote it, its seal that it stands where it stood."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=60, db_index=True, help_text="what was done, in one word")
    actor = models.CharField(max_length=150, blank=True, help_text="who did it: token, user, or command line")
    subject = models.CharField(max_length=300, blank=True, db_index=True, help_text="to which thing, such as job:ID")
    words = models.TextField(blank=True, help_text="what was done, for people")
    fields = models.TextField(default="{}", help_text="the rest, as JSON text")
    request_id = models.CharField(max_length=100, blank=True, help_text="the API request that it was part of")
    mac = models.CharField(max_length=64, help_text="keyed hash of the columns above")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.kind} {self.subject}"


class AuditSeal(models.Model):
    """The place of one event in the chain; each seal holds the one before it."""

    position = models.BigIntegerField(primary_key=True, help_text="1, 2, 3 and so on without a gap")
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="seal")
    key_id = models.CharField(max_length=8, help_text="names the key, without revealing it")
    hash = models.CharField(max_length=64, help_text="keyed hash of position, event and the seal before")

    class Meta:
        ordering = ("position",)

    def __str__(self) -> str:
        return f"{self.position} {self.hash[:12]}"
