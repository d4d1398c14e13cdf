"""This will hold the tokens that scripts and portals authenticate with, as hashes."""

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
