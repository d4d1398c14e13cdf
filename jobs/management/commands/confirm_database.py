"""This will let a paused service go on with a restored database, once somebody has compared it with the world."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.recording import COMMAND_LINE
from cloudstack import CloudError
from inventory.models import TargetCloud
from inventory.secrets import SecretUnreadable
from jobs.generation.guard import confirm, paused_reason
from jobs.runtime import process_gateways
from jobs.verification.world import verify_cloud

DONE, LISTED = 0, 1


class Command(BaseCommand):
    """List every difference between database and world; with --yes confirm the database."""

    help = (
        "List what differs between the database and the clouds, and with --yes go on with the database as it is. Exit "
        "status: 0 the service is not paused (any more), 1 it is paused and was not confirmed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --yes and the reason."""
        parser.add_argument("--yes", action="store_true", help="the differences were read, and are dealt with")
        parser.add_argument("--reason", default="", help="is kept in the audit; needed with --yes")

    def handle(self, *_args: Any, **options: Any) -> None:
        """List, and confirm when asked to."""
        reason = paused_reason()
        if not reason:
            self.stdout.write("The service is not paused.")
            sys.exit(DONE)
        if options["yes"] and not options["reason"].strip():
            raise CommandError("--yes needs a --reason: it is kept in the audit.")
        self.stdout.write(reason)
        try:
            for cloud in TargetCloud.objects.all():
                self._list(cloud)
            if not options["yes"]:
                sys.exit(LISTED)
            row = confirm(gateways=process_gateways(), actor=COMMAND_LINE, reason=options["reason"])
        except (CloudError, SecretUnreadable) as error:
            raise CommandError(f"A cloud can't be read, so nothing is confirmed: {error}") from error
        self.stdout.write(f"Confirmed: the database is generation {row} now, and the service goes on.")
        sys.exit(DONE)

    def _list(self, cloud: TargetCloud) -> None:
        for finding in verify_cloud(gateway=process_gateways()(cloud), cloud=cloud):
            self.stdout.write(f"{cloud.name}: {finding.weight}: {finding.words}.")
            self.stdout.write(f"    {finding.what_to_do}")
