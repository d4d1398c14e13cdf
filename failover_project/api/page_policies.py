"""This will tell browsers what our pages may load: this host's own, and nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from django.http import HttpRequest, HttpResponseBase

_OURS = ("default-src 'self'", "img-src 'self' data:", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")
# The pages that show the API's description start themselves by a script in the page.
DESCRIPTIONS = "; ".join(
    (*_OURS, "style-src 'self' 'unsafe-inline'", "script-src 'self' 'unsafe-inline'", "worker-src 'self' blob:")
)
# The admin's own scripts evaluate expressions in attributes and set styles; all else stays closed.
ADMIN = "; ".join((*_OURS, "style-src 'self' 'unsafe-inline'", "script-src 'self' 'unsafe-eval'", "form-action 'self'"))

BY_PREFIX: Mapping[str, str] = MappingProxyType({"/admin/": ADMIN, "/swagger/": DESCRIPTIONS, "/redoc/": DESCRIPTIONS})


class PagePolicies:
    """This will put each page's policy on it; what is no page gets none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        response = self._get_response(request)
        policy = next((policy for prefix, policy in BY_PREFIX.items() if request.path.startswith(prefix)), None)
        if policy is not None:
            response["Content-Security-Policy"] = policy
            response["Referrer-Policy"] = "same-origin"
        return response
