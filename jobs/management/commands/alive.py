"""This will say whether a process of this host is alive, for those who look after containers."""

from __future__ import annotations

import socket
from typing import Any

import requests
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.models import ProcessLease
from jobs.runtime import process_engine

ANSWER_SECONDS = 5.0


class Command(BaseCommand):
    """Say whether a worker or watcher of this host renews its lease, or whether an address answers with 200."""

    help = (
        "Exit with 0 when a worker or watcher of this host renews its lease; with --answers, when that address answers "
        "with 200. Made for the health check of a container, which is a host of its own."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address."""
        parser.add_argument("--answers", metavar="URL", help="ask this address instead of looking for a lease")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Look once."""
        if options["answers"]:
            _demand_answer(options["answers"])
        else:
            _demand_lease()
        self.stdout.write("alive")


def _demand_lease() -> None:
    host, now = socket.gethostname(), process_engine().clock.now()
    if not ProcessLease.objects.filter(host=host, valid_until__gt=now).exists():
        raise CommandError(f"No worker and no watcher of {host} has renewed its lease.")


def _demand_answer(url: str) -> None:
    session = requests.Session()
    # What stands in the environment for other calls must not lead this one elsewhere.
    session.trust_env = False
    try:
        status = session.get(url, timeout=ANSWER_SECONDS, allow_redirects=False).status_code
    except requests.RequestException as error:
        raise CommandError(f"{url} does not answer: {type(error).__name__}.") from None
    if status != 200:
        raise CommandError(f"{url} answers with {status}.")
