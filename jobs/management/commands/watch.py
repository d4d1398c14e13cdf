"""This will run the watcher and sweeper as a process of its own; run two for safety, one of them watches at a time."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from jobs.embedded import run_part
from jobs.heap import leave_alone_what_is_loaded
from jobs.keeper import Keeper
from jobs.runtime import process_engine, process_gateways


class Command(BaseCommand):
    """Watch CloudStack's async jobs and sweep for due work until stopped."""

    help = "Watch CloudStack's async jobs and find due work; run two, one of them acts at a time."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        keeper = Keeper(process_engine(), process_gateways())
        keeper.register()
        leave_alone_what_is_loaded()
        for name, work in keeper.threads().items():
            run_part(name, work)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: keeper.stop.set())
        self.stdout.write("watching")
        keeper.stop.wait()
