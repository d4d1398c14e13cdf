"""This will import an inventory file from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inventory.intake.reading import Document, Unreadable, read_document
from inventory.intake.reports import ImportReport
from inventory.services import import_inventory


class Command(BaseCommand):
    """This will read FILE (YAML, or JSON when its name ends in .json) and bring the inventory to what it says."""

    help = "Import an inventory file (YAML or JSON), all of it or nothing. See docs/inventory-file.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will take the path of the file."""
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        """This will import the file; raises CommandError, which ends with status 1, when anything is refused."""
        file: Path = options["file"]
        document = _read(file)
        report = import_inventory(document=document.content, source=str(file))
        if report.refused:
            raise CommandError(_refusals(file, document, report))
        for verb, labels in (("created", report.created), ("changed", report.changed)):
            for label in labels:
                self.stdout.write(f"{verb}: {label}")
        counts = f"{len(report.created)} created, {len(report.changed)} changed, {len(report.unchanged)} unchanged"
        self.stdout.write(f"{file}: {counts}, 0 refused")


def _read(file: Path) -> Document:
    try:
        return read_document(file.read_text(encoding="utf-8"), is_json=file.suffix.lower() == ".json")
    except OSError as broken:
        raise CommandError(f"{file}: cannot be read: {broken.strerror}. Nothing was imported.") from broken
    except UnicodeDecodeError as broken:
        raise CommandError(f"{file}: is not UTF-8 text. Nothing was imported.") from broken
    except Unreadable as broken:
        raise CommandError(f"{file}, line {broken.line}: {broken.reason}. Nothing was imported.") from broken


def _refusals(file: Path, document: Document, report: ImportReport) -> str:
    lines = [f"{file}, line {document.line_of(refusal.path)}: {refusal}" for refusal in report.refused]
    return "\n".join([*lines, f"{len(lines)} refused. Nothing was imported."])
