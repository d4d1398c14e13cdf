"""This will turn the groups named after roles into what the admin asks for: permissions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend

from failover_project.api.authentication import role_of
from failover_project.api.roles import Role

# The verbs of jobs. It is no permission of Django's table, so that nobody gets it but by his role.
OPERATE = "jobs.operate"
_CONFIGURED = frozenset(
    {
        "inventory.add_targetcloud",
        "inventory.change_targetcloud",
        "inventory.add_appliance",
        "inventory.change_appliance",
        "inventory.change_protectedvm",
        "access.add_apitoken",
        "access.change_apitoken",
        "notifications.add_subscription",
        "notifications.change_subscription",
        "notifications.delete_subscription",
    }
)
_APPS = frozenset({"jobs", "validation", "networks", "inventory", "notifications"})
# Tokens, and who did what: for administrators.
_GUARDED = frozenset({"access", "audit"})
_ROLE = "_role_of_console"


class RoleBackend(BaseBackend):
    """This will let viewers look, operators use the verbs of jobs, and administrators configure; it logs nobody in."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Say whether the user's role includes the permission."""
        del obj
        role = _kept_role(user_obj)
        if role is None:
            return False
        app, _, action = perm.partition(".")
        if action.startswith("view_"):
            return app in _APPS or (app in _GUARDED and role >= Role.ADMIN)
        return (perm == OPERATE and role >= Role.OPERATOR) or (perm in _CONFIGURED and role >= Role.ADMIN)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Say whether the user's role opens anything of the app."""
        role = _kept_role(user_obj)
        return role is not None and (app_label in _APPS or (app_label in _GUARDED and role >= Role.ADMIN))


def _kept_role(user: Any) -> Role | None:
    """Ask for the groups once a request: a page asks for dozens of permissions."""
    if not hasattr(user, _ROLE):
        setattr(user, _ROLE, role_of(user))
    role: Role | None = getattr(user, _ROLE)
    return role
