"""This will hold the verbs of the inventory: import a whole document, take the document of one VM."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from audit.recording import record_event
from inventory.intake.checking import refusals_of_inventory, refusals_of_vm
from inventory.intake.machines import bring_vm
from inventory.intake.places import Places, bring_appliance, bring_cloud
from inventory.intake.reports import ImportReport, Refusal
from inventory.models import TargetCloud

__all__ = ["ImportReport", "Refusal", "import_inventory", "upsert_vm"]

log = structlog.get_logger(__name__)


def import_inventory(
    *,
    document: Mapping[str, Any],
    source: str,
    now: datetime | None = None,
    environ: Mapping[str, str] | None = None,
) -> ImportReport:
    """This will bring all rows to what the document says, or none of them when anything in it is refused.

    `source` names where the document came from, for the log. `environ` is where `{env: NAME}` is looked up.
    """
    refused = refusals_of_inventory(document)
    if refused:
        return _told(ImportReport(refused=refused), source=source)
    surroundings = os.environ if environ is None else environ

    def bring_all(report: ImportReport) -> None:
        for index, cloud in enumerate(document.get("clouds", [])):
            bring_cloud(cloud, path=("clouds", index), environ=surroundings, report=report)
        if report.refused:
            return  # What refers to a refused cloud would be refused too, for a reason that misleads.
        for index, appliance in enumerate(document.get("appliances", [])):
            bring_appliance(appliance, path=("appliances", index), environ=surroundings, report=report)
        if report.refused:
            return
        places = Places()
        for index, vm in enumerate(document.get("vms", [])):
            bring_vm(vm, path=("vms", index), places=places, now=now or timezone.now(), report=report)

    return _told(_all_or_nothing(bring_all, source=source), source=source)


def upsert_vm(*, vm_id: str, document: object, now: datetime | None = None) -> ImportReport:
    """This will create or change the VM `vm_id`; the document need not repeat the id, but may not name another."""
    fields = document if isinstance(document, Mapping) else {}
    if fields.get("vm_id", vm_id) != vm_id:
        other = Refusal(where="document", field="vm_id", reason=f"is not the id in the path, {vm_id}", path=("vm_id",))
        return _told(ImportReport(refused=[other]), source="api")
    refused = refusals_of_vm({**fields, "vm_id": vm_id} if isinstance(document, Mapping) else document)
    if refused:
        return _told(ImportReport(refused=refused), source="api")

    def bring_one(report: ImportReport) -> None:
        whole = {**fields, "vm_id": vm_id}
        bring_vm(whole, path=(), places=Places(), now=now or timezone.now(), report=report)

    return _told(_all_or_nothing(bring_one, source="api"), source="api")


def _all_or_nothing(bring: Callable[[ImportReport], None], *, source: str) -> ImportReport:
    report = ImportReport()
    with transaction.atomic():
        # Imports take turns: two that create the same row at once would fail on its unique key.
        list(TargetCloud.objects.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        bring(report)
        if report.refused:
            transaction.set_rollback(True)
        elif report.created or report.changed:
            _record(report, source=source)
    return ImportReport(refused=report.refused) if report.refused else report


def _record(report: ImportReport, *, source: str) -> None:
    """Name what was brought in; who sent it by the API is told by the request's own event, of the same request id."""
    fields = {"created": list(report.created), "changed": list(report.changed)}
    words = f"{len(report.created)} made, {len(report.changed)} changed."
    record_event("inventory_imported", actor=source, subject="inventory", words=words, fields=fields)


def _told(report: ImportReport, *, source: str) -> ImportReport:
    log.info(
        "inventory.imported" if not report.refused else "inventory.refused",
        source=source,
        created=len(report.created),
        changed=len(report.changed),
        unchanged=len(report.unchanged),
        refused=len(report.refused),
    )
    return report
