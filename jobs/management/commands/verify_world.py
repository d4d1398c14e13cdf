"""This will compare inventory, journal and clouds, read-only, and say what to do about each difference."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cloudstack import DENY_ALL, CloudError
from inventory.clouds import NoSuchCloud, clouds_named, gateway_for
from inventory.models import TargetCloud
from inventory.secrets import SecretUnreadable
from jobs.runtime import UnixClock, process_engine
from jobs.verification.world import verify_cloud

NOTHING, DRIFT, NOT_READ = 0, 1, 2


class Command(BaseCommand):
    """Look at every target cloud and change nothing."""

    help = (
        "Compare inventory, journal and clouds; nothing is changed. Exit status: 0 they agree, 1 they differ, 2 a "
        "cloud could not be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --json and the name of one cloud."""
        parser.add_argument("--json", action="store_true", help="one JSON document instead of text")
        parser.add_argument("--cloud", help="name of one target cloud; all of them without it")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Look at each cloud, and exit with the worst status."""
        try:
            clouds = clouds_named(options["cloud"])
        except NoSuchCloud as unknown:
            self.stderr.write(str(unknown))
            sys.exit(NOT_READ)
        told = [self._look_at(cloud) for cloud in clouds]
        status = max((row["status"] for row in told), default=NOTHING)
        if options["json"]:
            self.stdout.write(json.dumps({"status": status, "clouds": told}, indent=2))
        else:
            for row in told:
                self._write(row)
        sys.exit(status)

    def _look_at(self, cloud: TargetCloud) -> dict[str, Any]:
        clock = UnixClock(process_engine().clock)
        try:
            found = verify_cloud(gateway=gateway_for(cloud, clock=clock, destroy_port=DENY_ALL), cloud=cloud)
        except (CloudError, SecretUnreadable) as error:
            return {"cloud": cloud.name, "status": NOT_READ, "error": str(error), "findings": []}
        findings = [finding.as_json() for finding in found]
        return {"cloud": cloud.name, "status": DRIFT if found else NOTHING, "error": "", "findings": findings}

    def _write(self, row: dict[str, Any]) -> None:
        if row["error"]:
            self.stderr.write(f"{row['cloud']} cannot be read: {row['error']}")
        elif not row["findings"]:
            self.stdout.write(f"{row['cloud']}: inventory, journal and cloud agree.")
        for finding in row["findings"]:
            self.stdout.write(f"{row['cloud']}: {finding['weight']}: {finding['words']}.")
            self.stdout.write(f"    {finding['what_to_do']}")
