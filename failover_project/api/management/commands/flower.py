"""This will run Flower, so that it looks and never touches: read-only, behind a password, on loopback unless told."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from failover_project.configuration import flower_judgements
from failover_project.environment import handed_on, readings
from failover_project.processes.ports import port

COLUMNS = "name,args,state,uuid,received,started,runtime,worker"


class Command(BaseCommand):
    """This will become Flower: the process is replaced, so that signals and exit status are Flower's own."""

    help = "Run Flower, read-only and with a password (FLOWER_USER, FLOWER_PASSWORD). It needs a broker by URL."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take address and port; the settings give the defaults."""
        parser.add_argument("--host", default=settings.FLOWER_ADDRESS, help="address to listen on (FLOWER_ADDRESS)")
        parser.add_argument("--port", type=port, default=settings.FLOWER_PORT, help="port to listen on (FLOWER_PORT)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Refuse what would be open or see nothing; else become Flower."""
        if settings.BROKER_URL.startswith("memory"):
            raise CommandError("Flower sees what goes through a broker: set BROKER_URL, or run `make serve-processes`.")
        wrong = [f"{judged.setting} {judged.sentence}" for judged in flower_judgements(settings)]
        if wrong:
            raise CommandError(" ".join(wrong))
        if any(read.name == "FLOWER_PASSWORD" and read.origin == "kept file" for read in readings()):
            self.stderr.write(
                f"Flower: user {settings.FLOWER_USER}, password in {settings.VAR_DIR / 'flower-password'}"
            )
        # Nothing that the environment says of Flower may weaken this; the password stands in no process list.
        environment = handed_on(
            without_prefix="FLOWER_", FLOWER_BASIC_AUTH=f"{settings.FLOWER_USER}:{settings.FLOWER_PASSWORD}"
        )
        os.execve(sys.executable, [sys.executable, *_arguments(options["host"], options["port"])], environment)


def _arguments(host: str, port: int) -> list[str]:
    return [
        *("-m", "celery", "--app", "failover_project", "flower"),
        *(f"--address={host}", f"--port={port}", "--read_only=True", "--persistent=False"),
        *(f"--tasks_columns={COLUMNS}", "--max_tasks=10000", "--purge_offline_workers=60"),
    ]
