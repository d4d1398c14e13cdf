"""This will purge the history of jobs that ended long ago and left nothing in a cloud."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.history import old_jobs, purge
from jobs.runtime import process_engine

DONE, FOUND = 0, 1


class Command(BaseCommand):
    """Purge old jobs; dry without --apply."""

    help = (
        "Purge jobs that ended before a time, with their plans and timelines. What is left in a cloud, and a way back "
        "that is open, keep their job; the audit stays. Dry by default. Exit status: 0 nothing to purge or all was "
        "purged, 1 found and not purged."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the age and --apply."""
        parser.add_argument("--older-than", required=True, metavar="DAYS", help="such as 90 or 90d: days since the end")
        parser.add_argument("--apply", action="store_true", help="purge them")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Purge, say what stays and why, and exit with the status."""
        match = re.fullmatch(r"(\d{1,5})d?", options["older_than"])
        if match is None:
            raise CommandError("--older-than wants a number of days, such as 90 or 90d.")
        status = DONE
        for old in old_jobs(ended_before=process_engine().clock.now() - timedelta(days=int(match[1]))):
            if old.obstacle:
                self.stdout.write(f"kept: {old.job.job_id}: {old.obstacle}.")
            elif not options["apply"]:
                self.stdout.write(f"would be purged: {old.job.job_id}.")
                status = FOUND
            elif purge(old):
                self.stdout.write(f"purged: {old.job.job_id}.")
            else:
                self.stdout.write(f"kept: {old.job.job_id}: it is needed again.")
        sys.exit(status)
