"""This will bring the rows of clouds and appliances to what a document says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inventory.intake.indirection import ValueMissing, resolved
from inventory.intake.reports import DocumentPath, ImportReport
from inventory.intake.rows import bring
from inventory.models import Appliance, HoldMethod, TargetCloud, TestStrategy
from inventory.secrets import SecretUnreadable

CLOUD_TEXTS = ("endpoint", "api_key", "secret_key")


class Places:
    """This will find the appliances that the VMs of a document name; each name is looked up once.

    Make one when the document's clouds and appliances have been brought in, within the same transaction.
    """

    def __init__(self) -> None:
        """This will know nothing yet."""
        self._clouds: dict[str, TargetCloud | None] = {}
        self._appliances: dict[tuple[str, str], Appliance | None] = {}

    def appliance_of(
        self, document: Mapping[str, Any], *, path: DocumentPath, report: ImportReport
    ) -> Appliance | None:
        """This will give the appliance with its cloud, or enter in the report that there is none."""
        cloud = self._cloud(document["cloud"])
        if cloud is None:
            report.refuse((*path, "cloud"), f"there is no cloud {document['cloud']!r}")
            return None
        appliance = self._appliance(cloud, document["appliance"])
        if appliance is None:
            reason = f"there is no appliance {document['appliance']!r} in cloud {document['cloud']!r}"
            report.refuse((*path, "appliance"), reason)
        return appliance

    def _cloud(self, name: str) -> TargetCloud | None:
        if name not in self._clouds:
            self._clouds[name] = TargetCloud.objects.filter(name=name).first()
        return self._clouds[name]

    def _appliance(self, cloud: TargetCloud, name: str) -> Appliance | None:
        key = (cloud.name, name)
        if key not in self._appliances:
            rows = Appliance.objects.select_related("cloud").filter(cloud=cloud, name=name)
            self._appliances[key] = rows.first()
        return self._appliances[key]


def bring_cloud(
    document: Mapping[str, Any], *, path: DocumentPath, environ: Mapping[str, str], report: ImportReport
) -> None:
    """This will create or change one target cloud, or enter in the report why not."""
    wanted = {"test_strategy": TestStrategy.AUTO, "ca_file": "", "most_running": None, **document}
    if not _resolve(wanted, CLOUD_TEXTS, path=path, environ=environ, report=report):
        return
    if not _is_endpoint(wanted["endpoint"]):
        report.refuse((*path, "endpoint"), "must be the http(s) address of CloudStack's API, without credentials")
        return
    if wanted["ca_file"] and not Path(wanted["ca_file"]).is_file():
        report.refuse((*path, "ca_file"), f"there is no file {wanted['ca_file']}")
        return
    cloud = TargetCloud.objects.filter(name=document["name"]).first() or TargetCloud(name=document["name"])
    _forget_unreadable(cloud, ("api_key", "secret_key"))
    _bring(cloud, wanted, label=f"cloud {document['name']}", report=report)


def bring_appliance(
    document: Mapping[str, Any], *, path: DocumentPath, environ: Mapping[str, str], report: ImportReport
) -> None:
    """This will create or change one appliance, or enter in the report why not."""
    cloud = TargetCloud.objects.filter(name=document["cloud"]).first()
    if cloud is None:
        report.refuse((*path, "cloud"), f"there is no cloud {document['cloud']!r} here or in this document")
        return
    wanted = {"hold_method": HoldMethod.NONE, "hook_url": "", "most_running": None, **document, "cloud": cloud}
    if "hook_secret" in wanted and not _resolve(wanted, ("hook_secret",), path=path, environ=environ, report=report):
        return
    row = Appliance.objects.filter(cloud=cloud, name=document["name"]).first()
    row = row or Appliance(cloud=cloud, name=document["name"])
    _forget_unreadable(row, ("hook_secret",))
    if wanted["hold_method"] == HoldMethod.HOOK and not (wanted.get("hook_secret") or row.hook_secret):
        report.refuse((*path, "hook_secret"), "is missing: calls of the hook are signed")
        return
    taken = Appliance.objects.filter(cloud=cloud, virtual_machine_id=document["virtual_machine_id"])
    other = taken.exclude(pk=row.pk).first()
    if other is not None:
        report.refuse((*path, "virtual_machine_id"), f"is the appliance {other.name!r} already")
        return
    _bring(row, wanted, label=f"appliance {document['name']}", report=report)


def _bring(row: TargetCloud | Appliance, wanted: Mapping[str, Any], *, label: str, report: ImportReport) -> None:
    is_created = row.pk is None
    differing = bring(row, wanted)
    report.count(label, is_created=is_created, is_changed=bool(differing))


def _resolve(
    wanted: dict[str, Any],
    names: tuple[str, ...],
    *,
    path: DocumentPath,
    environ: Mapping[str, str],
    report: ImportReport,
) -> bool:
    before = len(report.refused)
    for name in names:
        try:
            wanted[name] = resolved(wanted[name], environ=environ)
        except ValueMissing as missing:
            report.refuse((*path, name), str(missing))
    return len(report.refused) == before


def _is_endpoint(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    has_extras = parts.username is not None or bool(parts.query) or bool(parts.fragment)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not has_extras


def _forget_unreadable(row: TargetCloud | Appliance, names: tuple[str, ...]) -> None:
    # A credential sealed with a lost key cannot be compared; entering it again is how it is repaired.
    for name in names:
        try:
            getattr(row, name)
        except SecretUnreadable:
            setattr(row, name, "")
