"""This will give every row of the inventory its times of creation and last change."""

from __future__ import annotations

from django.db import models


class Stamped(models.Model):
    """This will stamp a row when it is made and whenever it is saved."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


def one_of(field: str, choices: type[models.TextChoices], *, name: str) -> models.CheckConstraint:
    """This will make the database refuse a value of `field` that is not one of the choices."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": choices.values}), name=name)
