"""This will speak to the service as every client does: HTTP, a token, JSON; and to the simulator's control routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import requests

_TIMEOUT_SECONDS = 30.0


class Refused(Exception):
    """The service answered with an error envelope."""

    def __init__(self, *, status: int, body: dict[str, Any]) -> None:
        """Keep the answer."""
        super().__init__(f"{status} {body.get('error_code', '')}: {body.get('error') or body.get('message')}")
        self.status = status
        self.body = body

    @property
    def reasons(self) -> list[str]:
        """Give the findings one by one where the answer has them, else its error."""
        found = self.body.get("validation_result", {}).get("errors", [])
        return [str(reason) for reason in found] or [str(self.body.get("error", ""))]

    @property
    def required_actions(self) -> list[str]:
        """Give what the answer says must be done first."""
        return [str(action) for action in self.body.get("required_actions", [])]


class Unreachable(Exception):
    """Nothing that speaks JSON answered."""


def _session() -> requests.Session:
    session = requests.Session()
    # Everything here is on the loopback: a proxy of the user's environment must not see it.
    session.trust_env = False
    return session


@dataclass
class Client:
    """One caller. `base` is an address without a slash at its end."""

    base: str
    token: str = ""
    _session: requests.Session = field(default_factory=_session)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Give the answer's body; raises Refused, Unreachable."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Any) -> dict[str, Any]:
        """Send a body and give the answer's; raises Refused, Unreachable."""
        return self._ask("POST", path, json=body)

    def delete(self, path: str) -> dict[str, Any]:
        """Ask for the end of what the path names and give the answer's body; raises Refused, Unreachable."""
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            answer = self._session.request(
                method, f"{self.base}{path}", headers=headers, timeout=_TIMEOUT_SECONDS, **content
            )
            body: dict[str, Any] = answer.json()
        except requests.RequestException as error:
            raise Unreachable(f"{method} {self.base}{path} failed: {error}") from error
        if answer.status_code >= 400:
            raise Refused(status=answer.status_code, body=body)
        return body
