"""This will let a call through when the table of roles does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from failover_project.api.authentication import role_of
from failover_project.api.roles import needed_role, route_of
from failover_project.api.throttles import refuse_too_many_by_nobody

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
