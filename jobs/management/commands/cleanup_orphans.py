"""This will list what jobs left in the clouds and nobody owns, and with --apply remove what is proved ours."""

from __future__ import annotations

import sys
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cloudstack import CloudError
from inventory.clouds import NoSuchCloud, clouds_named, gateway_for
from inventory.models import TargetCloud
from inventory.secrets import SecretUnreadable
from jobs.destroy_port import LedgerOfDestruction
from jobs.orphans import Orphan, find_orphans
from jobs.removal import remove_orphan
from jobs.runtime import UnixClock, process_engine

NOTHING, FOUND, NOT_REMOVED = 0, 1, 2


class Command(BaseCommand):
    """Find orphans in every target cloud; without --apply nothing is changed."""

    help = (
        "List what jobs left in the clouds and nobody owns. Dry by default; --apply removes what the journal proves "
        "ours. Exit status: 0 nothing is left, 1 something was found and not touched, 2 something could not be "
        "removed or a cloud could not be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --apply and the name of one cloud."""
        parser.add_argument("--apply", action="store_true", help="remove what is proved ours, one by one")
        parser.add_argument("--cloud", help="name of one target cloud; all of them without it")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Look at each cloud, and exit with the worst status."""
        try:
            clouds = clouds_named(options["cloud"])
        except NoSuchCloud as unknown:
            self.stderr.write(str(unknown))
            sys.exit(NOT_REMOVED)
        statuses = [self._look_at(cloud, apply=options["apply"]) for cloud in clouds]
        sys.exit(max(statuses, default=NOTHING))

    def _look_at(self, cloud: TargetCloud, *, apply: bool) -> int:
        clock = UnixClock(process_engine().clock)
        try:
            found = find_orphans(
                gateway=gateway_for(cloud, clock=clock, destroy_port=LedgerOfDestruction()), cloud=cloud
            )
            if not found:
                self.stdout.write(f"{cloud.name}: nothing is left over.")
                return NOTHING
            statuses = [self._deal_with(orphan, cloud, found=found, apply=apply) for orphan in found]
        except (CloudError, SecretUnreadable) as error:
            self.stderr.write(f"{cloud.name} cannot be read: {error}")
            return NOT_REMOVED
        return max(statuses)

    def _deal_with(self, orphan: Orphan, cloud: TargetCloud, *, found: list[Orphan], apply: bool) -> int:
        if not orphan.may_go:
            self.stdout.write(f"{cloud.name}: kept: {orphan}: {orphan.obstacle}.")
            return FOUND
        if not apply:
            self.stdout.write(f"{cloud.name}: would be removed: {orphan}: {orphan.proof}.")
            return FOUND
        engine = process_engine()
        # Nothing may be destroyed in this cloud but what was just proved.
        port = LedgerOfDestruction(proved=[(row.kind, row.id) for row in found if row.may_go])
        removal = remove_orphan(
            orphan,
            engine=engine,
            gateway=gateway_for(cloud, clock=UnixClock(engine.clock), destroy_port=port),
            expunge=bool(cloud.expunge_allowed),
            pause=_wait,
        )
        verdict = "removed" if removal.gone else "NOT removed"
        self.stdout.write(f"{cloud.name}: {verdict}: {orphan}: {removal.words}.")
        return NOTHING if removal.gone else NOT_REMOVED


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)
