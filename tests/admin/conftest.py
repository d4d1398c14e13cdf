"""This will give browsers of each role."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from tests.api.conftest import (
    cloud,  # noqa: F401
    inventory,  # noqa: F401
)


def browser_of(users: Any, role: str) -> Client:
    """Give a browser of a user in the group of that name; of one in no group for none."""
    user = users.objects.create_user(f"{role or 'nobody'}-user", is_staff=True)
    if role:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root(db: None, django_user_model: Any) -> Client:
    """Give the browser of a superuser."""
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("root"))
    return client


@pytest.fixture
def operator(db: None, django_user_model: Any) -> Client:
    """Give the browser of an operator."""
    return browser_of(django_user_model, "operator")


@pytest.fixture
def viewer(db: None, django_user_model: Any) -> Client:
    """Give the browser of a viewer."""
    return browser_of(django_user_model, "viewer")
