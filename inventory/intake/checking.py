"""This will check an inventory document against its schema and against itself, without looking at any row."""

from __future__ import annotations

import difflib
import ipaddress
import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from inventory.intake import schema
from inventory.intake.reports import DocumentPath, Refusal, refusal
from inventory.models import UNFINISHED_REPLICATION, Firmware, HoldMethod

_formats = FormatChecker(formats=())


def refusals_of_inventory(document: object) -> list[Refusal]:
    """This will list all that is wrong with a whole document in itself."""
    return list(_by_schema(document, _INVENTORY, ())) or list(_by_sense(document))


def refusals_of_vm(document: object) -> list[Refusal]:
    """This will list all that is wrong with the document of one VM in itself."""
    return list(_by_schema(document, _VM, ())) or list(_vm_by_sense(document, ()))


@_formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    moment = datetime.fromisoformat(value)
    # A year at the edge of the calendar cannot be brought to UTC.
    return moment.tzinfo is not None and 1970 <= moment.year <= 9000


@_formats.checks("finite")
def _is_finite(value: object) -> bool:
    # Not a number passes every minimum and maximum.
    return not isinstance(value, float) or math.isfinite(value)


@_formats.checks("ip", raises=ValueError)
def _is_address(value: object) -> bool:
    return not isinstance(value, str) or bool(ipaddress.ip_address(value))


@_formats.checks("printable")
def _is_printable(value: object) -> bool:
    # Cc are control characters (NUL among them), Cs lone surrogates, which no database stores.
    if not isinstance(value, str):
        return True
    return all(c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"} for c in value)


_INVENTORY = Draft202012Validator(schema.INVENTORY, format_checker=_formats)
_VM = Draft202012Validator(schema.VM, format_checker=_formats)


def _by_schema(document: object, validator: Draft202012Validator, root: DocumentPath) -> Iterator[Refusal]:
    for error in validator.iter_errors(document):
        yield from _worded(error, (*root, *error.absolute_path))


def _worded(error: ValidationError, path: DocumentPath) -> Iterator[Refusal]:
    # Values are named only where they cannot be a secret, so never by jsonschema's own message.
    rules: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    instance: Any = error.instance
    match error.validator:
        case "additionalProperties":
            for key in sorted(set(instance) - set(rules["properties"])):
                yield refusal((*path, key), f"unknown key{_near(key, rules['properties'])}")
        case "required":
            # One error per missing key, and only the message says which.
            yield refusal((*path, error.message.split("'")[1]), "is missing")
        case "enum":
            yield refusal(path, f"must be {rules['description']}, not {instance!s:.60}")
        case "type":
            wanted = rules.get("description") or _type_named(rules["type"])
            yield refusal(path, f"must be {wanted}, not {_kind_of(instance)}")
        case _:
            yield refusal(path, f"must be {rules.get('description', error.validator)}")


def _near(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f": did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _type_named(wanted: str | list[str]) -> str:
    names = {"object": "a mapping", "array": "a list", "null": "null"}
    kinds = [wanted] if isinstance(wanted, str) else wanted
    return " or ".join(names.get(kind, f"a {kind}") for kind in kinds)


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number (a text of digits needs quotes)"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _by_sense(document: Any) -> Iterator[Refusal]:
    clouds, appliances, vms = (document.get(key, []) for key in ("clouds", "appliances", "vms"))
    yield from _repeated(_entries(clouds, ("clouds",)), "name", lambda cloud: cloud["name"])
    named = _entries(appliances, ("appliances",))
    yield from _repeated(named, "name", lambda appliance: (appliance["cloud"], appliance["name"]))
    yield from _repeated(
        named, "virtual_machine_id", lambda appliance: (appliance["cloud"], appliance["virtual_machine_id"])
    )
    for appliance, path in named:
        if appliance.get("hold_method") == HoldMethod.HOOK and not appliance.get("hook_url"):
            yield refusal((*path, "hook_url"), "is missing: hold_method hook needs the address of the hook")
    machines = _entries(vms, ("vms",))
    yield from _repeated(machines, "vm_id", lambda vm: vm["vm_id"])
    for vm, path in machines:
        yield from _vm_by_sense(vm, path)
    yield from _repeated_across(machines)


def _repeated_across(machines: list[tuple[Any, DocumentPath]]) -> Iterator[Refusal]:
    # Within one VM `_vm_by_sense` has named them; here only the first of each VM counts.
    volumes: dict[str, DocumentPath] = {}
    replications: dict[str, DocumentPath] = {}
    for vm, vm_path in machines:
        for replica, path in _replicas(vm, vm_path):
            first = volumes.setdefault(replica["volume_id"], vm_path)
            if first != vm_path:
                yield refusal((*path, "volume_id"), "another VM of this document has this volume")
        for run, path in _entries(vm.get("replications", []), (*vm_path, "replications")):
            first = replications.setdefault(run["replication_id"], vm_path)
            if first != vm_path:
                yield refusal((*path, "replication_id"), "another VM of this document has this replication")


def _vm_by_sense(vm: Any, path: DocumentPath) -> Iterator[Refusal]:
    disks = _entries(vm["disks"], (*path, "disks"))
    runs = _entries(vm.get("replications", []), (*path, "replications"))
    yield from _repeated(disks, "position", lambda disk: disk["position"])
    yield from _repeated(_entries(vm["nics"], (*path, "nics")), "position", lambda nic: nic["position"])
    yield from _repeated(_replicas(vm, path), "volume_id", lambda replica: replica["volume_id"])
    yield from _repeated(runs, "replication_id", lambda run: run["replication_id"])
    if all(disk["position"] != 0 for disk, _ in disks):
        yield refusal((*path, "disks"), "have no boot disk: one disk must have position 0")
    if vm.get("secure_boot") and vm["firmware"] != Firmware.UEFI:
        yield refusal((*path, "secure_boot"), "needs firmware uefi")
    for run, run_path in runs:
        yield from _run_by_sense(run, run_path)


def _run_by_sense(run: Any, path: DocumentPath) -> Iterator[Refusal]:
    started, finished = run.get("started_at"), run.get("finished_at")
    if finished and run["status"] in UNFINISHED_REPLICATION:
        yield refusal((*path, "finished_at"), f"must be empty while the status is {run['status']}")
    if started and finished and datetime.fromisoformat(finished) < datetime.fromisoformat(started):
        yield refusal((*path, "finished_at"), "is before started_at")


def _replicas(vm: Any, path: DocumentPath) -> list[tuple[Any, DocumentPath]]:
    disks = _entries(vm["disks"], (*path, "disks"))
    return [(disk["replica"], (*disk_path, "replica")) for disk, disk_path in disks if disk.get("replica")]


def _entries(items: list[Any], path: DocumentPath) -> list[tuple[Any, DocumentPath]]:
    return [(item, (*path, index)) for index, item in enumerate(items)]


def _repeated(entries: list[tuple[Any, DocumentPath]], field: str, key: Callable[[Any], object]) -> Iterator[Refusal]:
    seen: set[object] = set()
    for item, path in entries:
        if key(item) in seen:
            yield refusal((*path, field), "stands in this document a second time")
        seen.add(key(item))
