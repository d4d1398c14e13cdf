"""This will hold the generation of this database: a number that grows whenever something was done."""

from __future__ import annotations

import uuid

from django.db import models

from database.statements import Prepared

ONLY = 1


class Generation(models.Model):
    """The one row; the same mark is kept in a file and as a tag in each cloud, and is never ahead of it there."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    number = models.PositiveBigIntegerField(default=0, help_text="grows while attempts are made")
    attempts_to = models.BigIntegerField(default=0, help_text="the newest attempt when the number grew last")
    paused_at = models.DateTimeField(null=True, blank=True, help_text="nothing is begun since then")
    paused_reason = models.TextField(blank=True, help_text="why, for people")
    accepted = models.JSONField(default=list, help_text="newer marks that an operator has confirmed")

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=ONLY), name="generation_has_one_row"),)

    def __str__(self) -> str:
        return f"{self.uuid}:{self.number}"


_ONLY = Prepared(lambda pk: Generation.objects.filter(pk=pk).order_by())


def current() -> Generation:
    """Give the row; the first call of a new database makes it."""
    return _ONLY.row(pk=ONLY) or Generation.objects.get_or_create(pk=ONLY)[0]
