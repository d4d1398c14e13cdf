"""This will hold tokens, as hashes, and the answers that are kept for repeated requests."""

from __future__ import annotations

from django.db import models


class RoleName(models.TextChoices):
    """The roles a token can have, as they are stored."""

    VIEWER = "viewer", "Viewer: reads"
    OPERATOR = "operator", "Operator: starts and ends failovers"
    ADMIN = "admin", "Admin: configures"


class ApiToken(models.Model):
    """This will hold one token: the hash of its secret, whose it is and what it may do."""

    name = models.CharField(max_length=100, unique=True)
    role = models.CharField(max_length=10, choices=RoleName)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name = "API token"
        constraints = (
            models.CheckConstraint(condition=models.Q(role__in=RoleName.values), name="access_token_role_known"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"


class IdempotentAnswer(models.Model):
    """This will hold a request's claim on its `Idempotency-Key`, and then the answer that repeats of it get.

    A claim is committed before the work and lasts some seconds; the answer is written in the work's own transaction,
    by the holder of the claim only. `part` names one VM of a bulk start, whose answer stands beside that of the whole.
    """

    principal = models.CharField(max_length=40, help_text="whose key it is: token:…, user:…")
    route = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    part = models.CharField(max_length=200, blank=True)
    fingerprint = models.CharField(max_length=64, help_text="hash of what was asked: path, query and body")
    claim = models.CharField(max_length=32, help_text="the one request that may write the answer")
    claimed_until = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.TextField(blank=True)
    kept_until = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "kept answer"
        constraints = (
            models.UniqueConstraint(fields=("principal", "route", "key", "part"), name="access_one_answer_per_key"),
            models.CheckConstraint(
                condition=models.Q(completed_at=None, status=None)
                | models.Q(completed_at__isnull=False, status__gte=200),
                name="access_answer_exactly_when_completed",
            ),
        )

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
