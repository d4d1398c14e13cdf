"""This will run the whole service in one process: web, worker, watcher and sweeper, on SQLite and without a broker."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import waitress
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.wsgi import get_wsgi_application

from failover_project.api.checks import announce_authentication
from failover_project.celery import app
from failover_project.processes.ports import port, why_not_bound
from jobs.embedded import run_part, worker_in_threads
from jobs.keeper import Keeper
from jobs.runtime import process_engine, process_gateways


class Command(BaseCommand):
    """Serve the API and carry failovers, all in this process."""

    help = "Run the whole service in one process (the embedded default): API, admin, worker, watcher and sweeper."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take address and port; the settings give the defaults."""
        parser.add_argument("--host", default=settings.BIND_HOST, help="address to listen on (BIND_HOST)")
        parser.add_argument("--port", type=port, default=settings.BIND_PORT, help="0 picks a free one (BIND_PORT)")
        parser.add_argument("--ready-file", help="is written with the address when the service listens")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        warning = self._refuse_or_warn(options["host"])
        keeper = Keeper(process_engine(), process_gateways())
        # Before anything works: whoever starts the service a second time shall hear it, and not work beside the first.
        server = _server(host=options["host"], number=options["port"])
        keeper.register()
        worker = worker_in_threads(app, threads=settings.WORKER_THREADS)
        for name, work in (keeper.threads() | {"worker": worker.start}).items():
            run_part(name, work)
        signal.signal(signal.SIGTERM, _leave)
        address = f"http://{options['host']}:{server.effective_port}"
        if options["ready_file"]:
            Path(options["ready_file"]).write_text(address)
        self.stdout.write(f"ready {address}")
        if warning:
            self.stdout.write(self.style.WARNING(warning))
        self.stdout.flush()
        server.run()
        keeper.stop.set()

    def _refuse_or_warn(self, host: str) -> str:
        """Give the warning that authentication is off; with it nothing is served where others can reach it."""
        try:
            return announce_authentication(host=host)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error


def _server(*, host: str, number: int) -> Any:
    """Listen there; raises CommandError where nobody can."""
    application = get_wsgi_application()
    try:
        return waitress.create_server(application, host=host, port=number, threads=8, ident="failover", backlog=1024)
    except OSError as error:
        raise CommandError(why_not_bound(error, host=host, number=number)) from error


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Nothing needs to be finished first: whatever is under way is in the database and is found again.
    sys.exit(0)
