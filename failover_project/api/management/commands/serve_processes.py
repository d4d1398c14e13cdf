"""This will run web, two workers, two watchers and Flower as processes of this machine, with a broker of their own."""

from __future__ import annotations

import socket
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from failover_project.api.checks import announce_authentication
from failover_project.environment import handed_on
from failover_project.processes.broker import NoBroker, local_broker
from failover_project.processes.parts import Part, parts_of_service
from failover_project.processes.ports import port
from failover_project.processes.supervisor import Supervisor


class Command(BaseCommand):
    """This will keep the processes running until it is told to end; then all of them end."""

    help = (
        "Run the service as several processes on this machine: web, two workers, two watchers, Flower, and a Redis or "
        "Valkey unless BROKER_URL names one. What dies is started again; what never comes up ends all (status 70)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take address and port of the web server; the settings give the defaults."""
        parser.add_argument("--host", default=settings.BIND_HOST, help="address to listen on (BIND_HOST)")
        parser.add_argument("--port", type=port, default=settings.BIND_PORT, help="0 picks a free one (BIND_PORT)")
        parser.add_argument("--ready-file", help="is written with the address when every part listens")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Start everything, and exit with the supervisor's status."""
        if not sys.platform.startswith("linux"):
            raise CommandError("Only Linux ends the processes when this one is killed; run the parts one by one.")
        try:
            warning = announce_authentication(host=options["host"])
            parts, broker = _broker()
        except (ImproperlyConfigured, NoBroker) as error:
            raise CommandError(str(error)) from error
        number = options["port"] or _free_port()
        flower = (settings.FLOWER_ADDRESS, settings.FLOWER_PORT or _free_port())
        environment = handed_on(BROKER_URL=broker)
        parts += parts_of_service(host=options["host"], port=number, flower=flower, environment=environment)
        address = f"http://{options['host']}:{number}"

        def announce() -> None:
            if options["ready_file"]:
                Path(options["ready_file"]).write_text(address)
            self.stdout.write(f"ready {address}, Flower http://{flower[0]}:{flower[1]}")
            if warning:
                self.stdout.write(self.style.WARNING(warning))
            self.stdout.flush()

        pids_file = settings.VAR_DIR / "processes.json"
        pids_file.parent.mkdir(parents=True, exist_ok=True)
        supervisor = Supervisor(parts=parts, directory=settings.BASE_DIR, pids_file=pids_file, on_ready=announce)
        sys.exit(supervisor.run())


def _broker() -> tuple[list[Part], str]:
    """Give the broker by URL, or one of our own; raises NoBroker."""
    if not settings.BROKER_URL.startswith("memory"):
        return [], settings.BROKER_URL
    part, url = local_broker(port=_free_port())
    return [part], url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
