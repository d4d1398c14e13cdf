"""This will look through the audit and the timelines of ended jobs, and name everything that was tampered with."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.chain import key_id
from audit.head import Head
from audit.verifying import verify_chain
from jobs.audit_trail import timeline_faults

SOUND, TAMPERED = 0, 1


class Command(BaseCommand):
    """Verify the audit; nothing is changed."""

    help = (
        "Verify the audit's chain, its guards, the head told outside the database, and the sealed timelines. Exit "
        "status: 0 all is as it was sealed, 1 something was tampered with."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --json, and heads from the log stream."""
        parser.add_argument("--json", action="store_true", help="one JSON document instead of text")
        parser.add_argument(
            "--head",
            action="append",
            default=[],
            metavar="POSITION:HASH",
            help="a head that the log stream holds (event audit_head); may be given more than once",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Verify, and exit with the status."""
        verdict = verify_chain(heads=[_head(text) for text in options["head"]])
        verdict.faults += timeline_faults()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(verdict), indent=2))
        else:
            self.stdout.write(f"{verdict.sealed} events sealed, {verdict.unsealed} not yet, head {verdict.head}")
            for fault in verdict.faults:
                self.stderr.write(f"{fault}.")
        sys.exit(TAMPERED if verdict.faults else SOUND)


def _head(text: str) -> Head:
    position, _, hash = text.partition(":")
    if not position.isdecimal() or not hash:
        raise CommandError(f"--head wants POSITION:HASH, not {text!r}.")
    return Head(position=int(position), hash=hash, key_id=key_id())
