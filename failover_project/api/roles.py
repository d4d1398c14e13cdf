"""This will say which role may do what: one table of route × method, and nothing outside it is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from rest_framework.request import Request


class Role(IntEnum):
    """What a caller may do; each role may do what those below it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> Role:
        """Give the role of that name, in any case; raises KeyError."""
        return cls[name.upper()]

    @property
    def label(self) -> str:
        """Give the role's name as people write it."""
        return self.name.lower()


_READ = {"GET": Role.VIEWER, "HEAD": Role.VIEWER}
_START = {"POST": Role.OPERATOR}

# By URL name. Viewers read, operators start and end failovers, administrators configure.
ROUTE_ROLES: Mapping[str, Mapping[str, Role]] = MappingProxyType(
    {
        "failover-live": _START,
        "failover-test": _START,
        "failover-bulk": _START,
        "failover-test-job": {"DELETE": Role.OPERATOR},
        "failover-jobs": _READ,
        "failover-status": _READ,
        "failover-steps": _READ,
        "failover-events": _READ,
        "failover-cancel": _START,
        "failover-rollback": _START,
        "failover-commit": _START,
        "failover-extend": _START,
        "failover-retry": _START,
        "failover-answer": _START,
        "failover-readiness": _READ,
        "vm-failover-readiness": _READ,
        "vm-sync-status": _READ,
        "vm-network-mapping-status": _READ,
        "vm-volume-status": _READ,
        "vm-active-jobs": _READ,
        "vm-configuration-check": _READ,
        "network-mappings": {**_READ, "POST": Role.ADMIN},
        "network-mappings-of-vm": {**_READ, "PUT": Role.ADMIN, "DELETE": Role.ADMIN},
        "network-mapping-of-source": {"DELETE": Role.ADMIN},
        "inventory-vms": _READ,
        "inventory-vm": {**_READ, "PUT": Role.ADMIN},
        "debug-health": _READ,
        "debug-endpoints": _READ,
        # Who confirms a restored database answers for every disk that it forgot.
        "debug-database": {"GET": Role.ADMIN, "HEAD": Role.ADMIN, "POST": Role.ADMIN},
        # Log and journal tell names, addresses and what clouds answered: more than a status shows.
        "debug-logs": {"GET": Role.OPERATOR, "HEAD": Role.OPERATOR},
        "metrics": _READ,
        "debug-failover-jobs": {"GET": Role.OPERATOR, "HEAD": Role.OPERATOR},
    }
)

# What counts as a start for the limits; a bulk start counts once.
START_ROUTES = frozenset({"failover-live", "failover-test", "failover-bulk"})

# Routes that answer without authentication: the API's own description, and whether process and service are well.
PUBLIC_ROUTES = frozenset({"schema", "swagger", "redoc", "healthz", "readyz"})


def needed_role(*, route: str, method: str) -> Role | None:
    """Give the least role that may call this route with this method; None when nobody may."""
    return ROUTE_ROLES.get(route, {}).get(method)


def route_of(request: Request) -> str:
    """Give the URL name of the route that a request came by."""
    match = request.resolver_match
    return (match.url_name if match else None) or ""


def role_in_words(route: str, method: str) -> str:
    """Give the name of that role, `public` for what needs none."""
    if route in PUBLIC_ROUTES:
        return "public"
    needed = needed_role(route=route, method=method)
    return needed.label if needed is not None else "nobody"
