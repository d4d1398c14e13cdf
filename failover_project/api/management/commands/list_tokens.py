"""This will list the API tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from failover_project.api.clock import present
from failover_project.api.models import ApiToken
from failover_project.api.tokens import state_of


class Command(BaseCommand):
    """This will list names, roles and times of all tokens, and no secret: none is kept."""

    help = "List the API tokens: name, role, state, when made, when last used, when it expires."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print a line a token, with tabs between the columns."""
        self.stdout.write("name\trole\tstate\tcreated\tlast used\texpires")
        now = present()
        for token in ApiToken.objects.all():
            times = "\t".join(_in_words(at) for at in (token.created_at, token.last_used_at, token.expires_at))
            self.stdout.write(f"{token.name}\t{token.role}\t{state_of(token, now=now)}\t{times}")


def _in_words(at: datetime | None) -> str:
    return "never" if at is None else timezone.localtime(at).isoformat(timespec="seconds")
