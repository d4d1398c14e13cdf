"""This will give the demo: a simulated cloud, the real service, and test and live failovers over its API."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from debugtools.demo.cast import SCENARIOS
from debugtools.demo.ground import Ground, Wishes
from debugtools.demo.performance import perform
from debugtools.demo.screen import Screen
from failover_project.processes.ports import port

# Kinds of the simulator's faults that end by themselves, in the words of its control route.
FAULT_KINDS = ("refuse", "fail", "done_then_fail", "lost_answer", "lost_request", "restart")


class Command(BaseCommand):
    """Show test and live failovers from beginning to end, on a simulated cloud."""

    help = "Show test and live failovers on a simulated CloudStack, over the documented API. See docs/demo.md."
    # The demo has a database of its own; this process needs none.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what the Makefile passes on."""
        parser.add_argument(
            "--once", action="store_true", help="end by itself; exit status 0 only if the world is right"
        )
        parser.add_argument("--scenario", choices=SCENARIOS, default="demo", help="which cloud is simulated")
        parser.add_argument("--port", type=port, default=settings.BIND_PORT, help="of the service; 0 picks a free one")
        parser.add_argument("--job-seconds", type=_seconds, default=1.5, help="how long a job of the cloud takes")
        parser.add_argument(
            "--fault",
            type=_fault,
            metavar="COMMAND=KIND",
            help="let the first COMMAND of the live failovers go wrong, such as attachVolume=fail; "
            f"kinds: {', '.join(FAULT_KINDS)}",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Give the demo and exit with its status."""
        wishes = Wishes(
            scenario=options["scenario"],
            port=options["port"],
            job_seconds=options["job_seconds"],
            once=options["once"],
            fault=options["fault"],
        )
        ground = Ground(project=settings.BASE_DIR, var=settings.VAR_DIR.resolve())
        sys.exit(perform(ground=ground, wishes=wishes, screen=Screen.on_stdout()))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= 600.0:
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to 600")
    return seconds


def _fault(text: str) -> tuple[str, str]:
    command, _, kind = text.partition("=")
    if not command or kind not in FAULT_KINDS:
        raise ArgumentTypeError(f"{text!r} is not COMMAND=KIND with one of the kinds {', '.join(FAULT_KINDS)}")
    return command, kind
