"""This will prove what AUTH_DISABLED opens, for whom, and that nobody can overlook it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from rest_framework.test import APIClient

from failover_project.api import checks

pytestmark = pytest.mark.django_db

MAPPINGS = "/api/v1/network-mappings"
HEALTH = "/api/v1/debug/health"


@pytest.fixture
def off(settings: Any) -> Any:
    """Switch authentication off."""
    settings.AUTH_DISABLED = True
    return settings


def test_it_acts_as_operator_for_callers_on_this_host_and_says_so(anybody: APIClient, off: Any) -> None:
    here = anybody.get(MAPPINGS)
    elsewhere = anybody.get(MAPPINGS, REMOTE_ADDR="192.0.2.7")

    assert (here.status_code, here["X-Authentication"], elsewhere.status_code) == (200, "disabled", 401)
    assert elsewhere["WWW-Authenticate"].startswith("Token")
    assert anybody.post("/api/v1/failover/live", {"vm_id": "vm-x"}).status_code == 404


@pytest.mark.parametrize("header", ["Bearer anything", "Token fo_guess", "Bearer ", "Token", "Basic YTpi", "nonsense"])
def test_whatever_a_client_sends_as_its_token_is_ignored(anybody: APIClient, off: Any, header: str) -> None:
    off.FAILED_LOGINS_PER_MINUTE = 1

    answers = [anybody.get(MAPPINGS, HTTP_AUTHORIZATION=header).status_code for _ in range(3)]

    assert answers == [200, 200, 200]


def test_nobody_acts_as_admin_not_even_one(
    anybody: APIClient, admin: APIClient, off: Any, django_user_model: Any
) -> None:
    browser = Client(raise_request_exception=False)
    browser.force_login(django_user_model.objects.create_superuser("root", password="a long password"))

    for caller in (anybody, admin, browser):
        refused = caller.post(MAPPINGS, {}, content_type="application/json")
        assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert anybody.put("/api/v1/inventory/vms/vm-x", {}).status_code == 403


@pytest.mark.parametrize(
    "header",
    [
        {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"HTTP_FORWARDED": "for=192.0.2.7"},
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
    ],
)
def test_what_a_proxy_passes_on_or_another_sites_page_sends_is_not_of_this_host(
    anybody: APIClient, off: Any, header: Any
) -> None:
    assert anybody.get(MAPPINGS, **header).status_code == 401


def test_our_own_swagger_page_is_of_this_host(anybody: APIClient, off: Any) -> None:
    assert anybody.get(MAPPINGS, HTTP_ORIGIN="http://testserver").status_code == 200


def test_health_says_whether_authentication_is_required(viewer: APIClient, settings: Any) -> None:
    assert viewer.get(HEALTH).json()["authentication"] == "required"
    settings.AUTH_DISABLED = True
    assert viewer.get(HEALTH).json()["authentication"] == "disabled"


def test_it_does_not_count_on_an_address_that_others_reach(anybody: APIClient, off: Any) -> None:
    off.BIND_HOST = "0.0.0.0"

    assert anybody.get(MAPPINGS).status_code == 401


def test_the_start_is_refused_on_an_address_that_others_reach(off: Any) -> None:
    off.BIND_HOST = "0.0.0.0"

    assert [message.id for message in checks.authentication_is_on(None)] == ["access.E001"]
    with pytest.raises(SystemCheckError, match="AUTH_DISABLED"):
        call_command("check")
    with pytest.raises(ImproperlyConfigured, match=r"0\.0\.0\.0"):
        checks.announce_authentication(host="0.0.0.0")


def test_serve_is_refused_when_its_option_binds_to_such_an_address(off: Any) -> None:
    with pytest.raises(CommandError, match=r"192\.0\.2\.1"):
        call_command("serve", "--host", "192.0.2.1", stdout=io.StringIO(), skip_checks=True)


def test_the_start_is_loud(off: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert [message.id for message in checks.authentication_is_on(None)] == ["access.W001"]
    assert "AUTHENTICATION IS OFF" in checks.announce_authentication(host="127.0.0.1")
    assert "authentication_disabled" in caplog.text


def test_with_authentication_on_there_is_nothing_to_say(settings: Any) -> None:
    settings.AUTH_DISABLED = False

    assert checks.authentication_is_on(None) == []
    assert checks.announce_authentication(host="0.0.0.0") == ""
