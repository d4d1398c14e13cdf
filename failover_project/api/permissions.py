"""This will let a call through when the table of roles does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import NotAuthenticated, PermissionDenied, ValidationError
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from failover_project.api.authentication import role_of
from failover_project.api.roles import needed_role, route_of
from failover_project.api.throttles import refuse_too_many_by_nobody
from networks.api.dry_runs import knows_dry_run

if TYPE_CHECKING:
    # At run time the framework's views import this module.
    from rest_framework.views import APIView


class RoleAllows(BasePermission):
    """This will compare the caller's role with what route and method need; what is not in the table is denied."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Allow, or raise NotAuthenticated or PermissionDenied with the role that is needed."""
        method = request.method or ""
        if not self._is_known(request):
            refuse_too_many_by_nobody(request)
            raise NotAuthenticated
        if method == "OPTIONS" or method.lower() not in view.http_method_names or not hasattr(view, method.lower()):
            # Nothing to protect: the framework answers 405, to those whom it knows.
            return True
        needed = needed_role(route=route_of(request), method=method)
        if needed is None:
            return False
        role = role_of(request.user)
        if role is None or role < needed:
            raise PermissionDenied(f"This needs the role {needed.label}; yours is {role.label if role else 'none'}.")
        return True

    def _is_known(self, request: Request) -> bool:
        return bool(request.user and request.user.is_authenticated)


class DryRunIsKnown(BasePermission):
    """This will refuse a dry run of what has none: ignored, it would be carried out for real."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Allow, or raise ValidationError."""
        method = (request.method or "").lower()
        if request.method in SAFE_METHODS or "dry_run" not in request.query_params:
            return True
        handler = getattr(view, getattr(view, "action", None) or method, None)
        if handler is None or knows_dry_run(handler):
            return True
        raise ValidationError({"dry_run": ["This request has no dry run. Nothing was done."]})
