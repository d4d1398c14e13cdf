"""This will ask for the cleanup of tests whose window is over; safe to run at any time, by hand or by cron."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.cleanup import clean_up, expired_tests
from jobs.errors import JobError
from jobs.runtime import process_engine

NOTHING, FOUND, NOT_ASKED = 0, 1, 2
ACTOR = "cleanup_expired_tests"


class Command(BaseCommand):
    """End tests whose time is over; the service's workers then do the cleaning."""

    help = (
        "Ask for the cleanup of tests whose window is over and that were started with auto_cleanup; --all asks for all "
        "that are overdue. Exit status: 0 nothing is expired or all was asked for, 1 found in a dry run, 2 a cleanup "
        "could not be asked for."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --all and --dry-run."""
        parser.add_argument("--all", action="store_true", help="also those that wait for a cleanup by request")
        parser.add_argument("--dry-run", action="store_true", help="name them and ask for nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Ask, say what was asked for, and exit with the status."""
        engine = process_engine()
        expired = expired_tests(now=engine.clock.now(), all_overdue=options["all"])
        status = NOTHING
        for job in expired:
            ended = f"{job.job_id} ({job.vm_name}), over since {job.window_ends_at:%Y-%m-%d %H:%M:%S} UTC"
            if options["dry_run"]:
                self.stdout.write(f"would be cleaned up: {ended}")
                status = max(status, FOUND)
                continue
            try:
                clean_up(engine=engine, job=job, actor=ACTOR)
            except JobError as error:
                self.stderr.write(f"NOT asked for: {ended}: {error}")
                status = NOT_ASKED
            else:
                self.stdout.write(f"cleanup asked for: {ended}")
        if not expired:
            self.stdout.write("No test is expired.")
        sys.exit(status)
