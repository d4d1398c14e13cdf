"""This will say how the admin looks and what its menu holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _may_see(permission: str) -> Any:
    def check(request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_active", False) and request.user.has_perm(permission))

    return check


def _items(app: str, rows: Iterable[tuple[str, str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "title": title,
            "icon": icon,
            "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
            "permission": _may_see(f"{app}.view_{model}"),
        }
        for title, icon, model in rows
    ]


_WORK = (
    ("Failover jobs", "sync_alt", "failoverjob"),
    ("Questions", "help", "question"),
)
_PROTECTED = (
    ("VMs", "computer", "protectedvm"),
    ("Replicas", "hard_drive", "replicavolume"),
    ("Replications", "sync", "replication"),
    ("VM reservations", "lock", "vmreservation"),
)
_NETWORKS = (("Network mappings", "lan", "networkmapping"), ("Network purposes", "label", "networkdesignation"))
_TOLD = (("Outbox", "outbox", "notification"), ("Deliveries", "send", "delivery"))
_CLOUDS = (("Target clouds", "cloud", "targetcloud"), ("Appliances", "dns", "appliance"))
_JOURNAL = (
    ("Plans", "list_alt", "plan"),
    ("Steps", "checklist", "step"),
    ("Attempts", "replay", "stepattempt"),
    ("Events", "history", "jobevent"),
    ("Reserved resources", "lock_clock", "reservation"),
    ("Processes", "memory", "processlease"),
    ("Roles of processes", "badge", "rolelease"),
    ("Learned durations", "timer", "commandtiming"),
)


def navigation() -> list[dict[str, Any]]:
    """Give the menu: what is looked at most comes first."""
    overview = {"title": "Overview", "icon": "dashboard", "link": reverse_lazy("admin:index")}
    return [
        {"items": [overview, *_items("jobs", _WORK)]},
        {
            "title": "What is protected",
            "separator": True,
            "items": [
                *_items("inventory", _PROTECTED),
                *_items("validation", (("Findings", "fact_check", "validationcheck"),)),
                *_items("networks", _NETWORKS),
            ],
        },
        {
            "title": "Set up",
            "separator": True,
            "items": [
                *_items("inventory", _CLOUDS),
                *_items("notifications", (("Webhooks", "webhook", "subscription"),)),
                *_items("access", (("API tokens", "key", "apitoken"),)),
                *_items("auth", (("Users", "person", "user"), ("Groups", "group", "group"))),
            ],
        },
        {
            "title": "Journal",
            "separator": True,
            "collapsible": True,
            "items": [
                *_items("audit", (("Audit", "policy", "auditevent"),)),
                *_items("notifications", _TOLD),
                *_items("jobs", _JOURNAL),
            ],
        },
    ]


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "CloudStack failover",
    "SITE_HEADER": "CloudStack failover",
    "SITE_SYMBOL": "swap_horiz",
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "debugtools.dashboard.fill_index",
    "STYLES": [lambda _request: static("jobs/console.css")],
    "SCRIPTS": [lambda _request: static("jobs/console.js")],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": lambda _request: navigation()},
    "COLORS": {
        "primary": {
            "50": "#eff6ff",
            "100": "#dbeafe",
            "200": "#bfdbfe",
            "300": "#93c5fd",
            "400": "#60a5fa",
            "500": "#3b82f6",
            "600": "#2563eb",
            "700": "#1d4ed8",
            "800": "#1e40af",
            "900": "#1e3a8a",
            "950": "#172554",
        }
    },
}
