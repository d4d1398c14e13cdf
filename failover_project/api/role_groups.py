"""This will have a group for every role, so that a superuser only puts users into them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group

from failover_project.api.roles import Role


def make_role_groups(sender: Any, using: str, **_: Any) -> None:
    """Make the groups that are missing, after every migration: whoever removed one by mistake gets it back."""
    del sender
    there = set(Group.objects.using(using).values_list("name", flat=True))
    Group.objects.using(using).bulk_create(Group(name=role.label) for role in Role if role.label not in there)
