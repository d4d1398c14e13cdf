"""This will prove what tokens are: shown once, kept as hashes, ended by time or by hand; and what sessions may do."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from failover_project.api.clock import present
from failover_project.api.models import ApiToken, RoleName
from failover_project.api.tokens import create_token, valid_token

pytestmark = pytest.mark.django_db

MAPPINGS = "/api/v1/network-mappings"
ADD = "/admin/access/apitoken/add/"


@pytest.fixture
def browser(django_user_model: Any) -> Client:
    """Give the browser of an administrator."""
    client = Client(raise_request_exception=False)
    client.force_login(django_user_model.objects.create_superuser("root", password="a long password"))
    return client


def _run(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def _made(browser: Client, **more: str) -> Any:
    form = {"name": "portal", "role": "operator", "expires_at_0": "", "expires_at_1": "", **more}
    return browser.post(ADD, form)


def test_a_secret_has_256_bits_and_none_is_like_another() -> None:
    secrets = {create_token(name=f"t{number}", role=RoleName.VIEWER)[1] for number in range(20)}

    assert len(secrets) == 20
    # 32 bytes are 43 characters of 6 bits.
    assert all(re.fullmatch(r"fo_[A-Za-z0-9_-]{43}", secret) for secret in secrets)


def test_the_use_is_written_once_a_minute_and_reads_in_between_write_nothing() -> None:
    _, text = create_token(name="portal", role=RoleName.VIEWER)
    start = present()

    writes = []
    for seconds in (0, 10, 59, 60, 70):
        with CaptureQueriesContext(connection) as queries:
            assert valid_token(text, now=start + timedelta(seconds=seconds)) is not None
        writes.append(sum(query["sql"].startswith("UPDATE") for query in queries))

    assert writes == [1, 0, 0, 1, 0]
    assert ApiToken.objects.get().last_used_at == start + timedelta(seconds=60)


def test_a_token_ends_at_its_moment(anybody: APIClient, settings: Any) -> None:
    _, text = create_token(name="portal", role=RoleName.VIEWER, expires_at=present() + timedelta(hours=1))
    later = (present() + timedelta(hours=1)).timestamp()
    header: Any = {"HTTP_AUTHORIZATION": f"Token {text}"}

    assert anybody.get(MAPPINGS, **header).status_code == 200
    settings.API_CLOCK = lambda: later
    assert anybody.get(MAPPINGS, **header).status_code == 401


def test_a_token_is_revoked_by_its_name_and_refused_at_once(anybody: APIClient) -> None:
    text = _run("create_token", "--name", "portal", "--role", "viewer").strip()
    header: Any = {"HTTP_AUTHORIZATION": f"Bearer {text}"}
    assert anybody.get(MAPPINGS, **header).status_code == 200

    assert _run("revoke_token", "--name", "portal") == "Revoked.\n"

    assert anybody.get(MAPPINGS, **header).status_code == 401
    assert _run("revoke_token", "--name", "portal") == "It was revoked before.\n"
    with pytest.raises(CommandError, match="no token named"):
        _run("revoke_token", "--name", "nobody")


def test_the_list_shows_every_token_and_no_secret() -> None:
    _, secret = create_token(name="alive", role=RoleName.ADMIN)
    create_token(name="old", role=RoleName.VIEWER, expires_at=present() - timedelta(seconds=1))
    create_token(name="gone", role=RoleName.VIEWER)
    _run("revoke_token", "--name", "gone")

    shown = _run("list_tokens")

    rows = {row.split("\t")[0]: row.split("\t")[1:3] for row in shown.splitlines()[1:]}
    assert rows == {"alive": ["admin", "valid"], "old": ["viewer", "expired"], "gone": ["viewer", "revoked"]}
    assert secret not in shown
    assert not any(token.secret_hash in shown for token in ApiToken.objects.all())


def test_the_admin_makes_a_token_and_shows_its_secret_once(browser: Client) -> None:
    page = _made(browser)

    found = re.search(r"fo_[A-Za-z0-9_-]{43}", page.content.decode())
    assert page.status_code == 200 and found is not None
    assert "no-store" in page["Cache-Control"]
    token = valid_token(found[0], now=present())
    assert token is not None and (token.name, token.role) == ("portal", "operator")
    # It is neither in a cookie nor in the session nor on any later page.
    assert found[0] not in str(page.cookies)
    assert not any(found[0] in str(session.get_decoded()) for session in Session.objects.all())
    for later in ("", f"{token.pk}/change/", f"{token.pk}/history/"):
        text = browser.get(f"/admin/access/apitoken/{later}").content.decode()
        assert found[0] not in text and token.secret_hash not in text


def test_the_admin_refuses_a_taken_name_and_an_unknown_role(browser: Client) -> None:
    create_token(name="portal", role=RoleName.VIEWER)

    assert "already exists" in _made(browser).content.decode()
    assert _made(browser, name="another", role="root").status_code == 200
    assert ApiToken.objects.count() == 1


def test_nothing_of_a_token_is_changed_in_the_admin(browser: Client) -> None:
    token, text = create_token(name="portal", role=RoleName.VIEWER)

    browser.post(
        f"/admin/access/apitoken/{token.pk}/change/",
        {"name": "other", "role": "admin", "secret_hash": "0" * 64, "revoked_at_0": "2020-01-01"},
    )

    kept = valid_token(text, now=present())
    assert kept is not None and (kept.name, kept.role) == ("portal", "viewer")
    assert browser.post(f"/admin/access/apitoken/{token.pk}/delete/", {"post": "yes"}).status_code == 403


# --- sessions ---


def _user_in(django_user_model: Any, *groups: str) -> Client:
    user = django_user_model.objects.create_user("alice", password="a long password", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(user)
    return client


def _csrf(client: Client) -> str:
    client.get("/admin/login/?next=/")
    client.get("/admin/password_change/")
    return client.cookies["csrftoken"].value


@pytest.mark.django_db
def test_every_role_has_its_group_after_a_migration() -> None:
    Group.objects.filter(name="viewer").delete()

    call_command("migrate", verbosity=0)

    assert sorted(Group.objects.values_list("name", flat=True)) == ["admin", "operator", "viewer"]


def test_the_browser_may_do_what_its_groups_may_with_the_csrf_token(django_user_model: Any) -> None:
    client = _user_in(django_user_model, "viewer", "operator")
    body = {"vm_id": "vm-x"}

    without = client.post("/api/v1/failover/live", body, content_type="application/json")
    token = _csrf(client)
    with_token = client.post(
        "/api/v1/failover/live", body, content_type="application/json", headers={"X-CSRFToken": token}
    )
    beyond = client.post(MAPPINGS, {}, content_type="application/json", headers={"X-CSRFToken": token})

    assert (without.status_code, without.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert "CSRF" in without.json()["error"]
    assert (with_token.status_code, with_token.json()["error_code"]) == (404, "VM_NOT_FOUND")
    assert beyond.status_code == 403


def test_a_user_in_no_group_may_nothing(django_user_model: Any) -> None:
    client = _user_in(django_user_model)

    assert client.get(MAPPINGS).status_code == 403


def test_a_token_needs_no_csrf_token() -> None:
    _, text = create_token(name="portal", role=RoleName.OPERATOR)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)

    answer = client.post(
        "/api/v1/failover/live",
        {"vm_id": "vm-x"},
        content_type="application/json",
        headers={"Authorization": f"Token {text}"},
    )

    assert answer.json()["error_code"] == "VM_NOT_FOUND"
