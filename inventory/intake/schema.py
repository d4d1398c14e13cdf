"""This will say what an inventory document may hold, as JSON Schema (draft 2020-12).

docs/inventory-file.md describes the same for people. A `description` completes "must be …" in a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import TextChoices

from inventory.models import (
    DiskController,
    Firmware,
    HoldMethod,
    NicAdapter,
    PowerState,
    ReplicaState,
    ReplicationKind,
    ReplicationStatus,
    TestStrategy,
)

UUID = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    "description": "a lower-case uuid, the id that CloudStack's API shows",
}
TIME = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "a time with its offset, such as 2025-08-18T15:35:21+01:00",
}
POSITION = {"type": "integer", "minimum": 0, "maximum": 1000, "description": "a whole number from 0 to 1000"}


def _text(longest: int, *, shortest: int = 1) -> dict[str, Any]:
    wanted = f"a text of {shortest} to {longest} characters without control characters"
    return {
        "type": "string",
        "minLength": shortest,
        "maxLength": longest,
        "format": "printable",
        "description": wanted,
    }


def _choice(choices: Iterable[TextChoices]) -> dict[str, Any]:
    values = [choice.value for choice in choices]
    return {"enum": values, "description": f"one of {', '.join(values)}"}


def _whole(smallest: int, largest: int) -> dict[str, Any]:
    wanted = f"a whole number from {smallest} to {largest}"
    return {"type": "integer", "minimum": smallest, "maximum": largest, "description": wanted}


def _record(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _listed(item: dict[str, Any], *, at_most: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "maxItems": at_most, "description": f"a list of at most {at_most}"}


def _indirect(longest: int) -> dict[str, Any]:
    return {
        "type": ["string", "object"],
        "minLength": 1,
        "maxLength": longest,
        "format": "printable",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {"env": _text(200), "file": _text(500)},
        "description": "a text, or {env: NAME}, or {file: PATH}",
    }


AT_ONCE = {**_whole(1, 10_000), "type": ["integer", "null"]}

CLOUD = _record(
    ["name", "endpoint", "api_key", "secret_key", "zone_id", "default_offering_id", "placeholder_template_id"],
    name=_text(100),
    endpoint=_indirect(500),
    api_key=_indirect(500),
    secret_key=_indirect(500),
    zone_id=UUID,
    default_offering_id=UUID,
    placeholder_template_id=UUID,
    test_strategy=_choice(TestStrategy),
    ca_file=_text(500, shortest=0),
    most_running=AT_ONCE,
)

APPLIANCE = _record(
    ["name", "cloud", "virtual_machine_id"],
    name=_text(100),
    cloud=_text(100),
    virtual_machine_id=UUID,
    hold_method=_choice(HoldMethod),
    hook_url=_text(500, shortest=0),
    hook_secret=_indirect(500),
    most_running=AT_ONCE,
)

REPLICA = {
    **_record(
        ["volume_id"],
        volume_id=UUID,
        change_id=_text(255, shortest=0),
        last_sync_at=TIME,
        # Only a commit hands a volume over.
        state=_choice(state for state in ReplicaState if state != ReplicaState.HANDED_OVER),
    ),
    "type": ["object", "null"],
}

DISK = _record(
    ["position", "size_bytes", "controller"],
    position=POSITION,
    label=_text(100, shortest=0),
    size_bytes=_whole(1, 2**63 - 1),
    controller=_choice(DiskController),
    replica=REPLICA,
)

NIC = _record(
    ["position", "mac", "network_name", "adapter"],
    position=POSITION,
    mac={
        "type": "string",
        "pattern": "^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$",
        "description": "a MAC address such as 00:50:56:ab:cd:ef",
    },
    network_name=_text(255),
    adapter=_choice(NicAdapter),
    addresses=_listed({"type": "string", "format": "ip", "description": "an IP address"}, at_most=100),
)

REPLICATION = _record(
    ["replication_id", "kind", "status"],
    replication_id=_text(128),
    kind=_choice(ReplicationKind),
    status=_choice(ReplicationStatus),
    percentage={
        "type": "number",
        "minimum": 0,
        "maximum": 100,
        "format": "finite",
        "description": "a number from 0 to 100",
    },
    started_at=TIME,
    finished_at=TIME,
    last_word_at=TIME,
    message=_text(10_000, shortest=0),
)

VM = _record(
    ["vm_id", "name", "cloud", "appliance", "cpus", "memory_mb", "firmware", "guest_os", "disks", "nics"],
    vm_id={
        "type": "string",
        "pattern": "^[A-Za-z0-9_.:-]{1,128}$",
        "description": "1 to 128 letters, digits, and the characters _ . : -",
    },
    name=_text(255),
    cloud=_text(100),
    appliance=_text(100),
    power_state=_choice(PowerState),
    cpus=_whole(1, 1024),
    memory_mb=_whole(1, 2**31 - 1),
    firmware=_choice(Firmware),
    secure_boot={"type": "boolean", "description": "true or false"},
    guest_os=_text(255),
    target_os_type=_text(255, shortest=0),
    service_offering_id={**UUID, "pattern": f"^$|{UUID['pattern']}"},
    disks=_listed(DISK, at_most=256),
    nics=_listed(NIC, at_most=64),
    replications=_listed(REPLICATION, at_most=1000),
)

INVENTORY = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_record(
        [],
        clouds=_listed(CLOUD, at_most=1000),
        appliances=_listed(APPLIANCE, at_most=10_000),
        vms=_listed(VM, at_most=100_000),
    ),
}


def vm_in_path() -> dict[str, Any]:
    """Give the schema of a VM whose id stands in the address, not in the document."""
    properties = {name: schema for name, schema in VM["properties"].items() if name != "vm_id"}
    return {**VM, "properties": properties, "required": [name for name in VM["required"] if name != "vm_id"]}
