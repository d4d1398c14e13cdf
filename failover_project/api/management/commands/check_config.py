"""This will print the settings in force, masked, and say what is wrong with them."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from failover_project import environment
from failover_project.configuration import judgements, shown


class Command(BaseCommand):
    """This will print every setting with its origin, then what is wrong; exit status 1 on nonsense."""

    help = (
        "Print the settings in force, without secrets, and what is wrong with them. Exit status: 0 they can be served "
        "with, 1 they cannot. It asks neither database nor broker."
    )
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print, judge, and exit with the status."""
        for reading in environment.readings():
            self.stdout.write(f"{reading.name:32} {shown(reading) or '(empty)'}  [{reading.origin}]")
        found = judgements(settings, environment.readings(), environment.strangers())
        for judgement in found:
            word = "WRONG" if judgement.is_nonsense else "note"
            self.stdout.write(f"{word}: {judgement.setting} {judgement.sentence}")
        if any(judgement.is_nonsense for judgement in found):
            sys.exit(1)
