"""This will describe the answers of the inventory's API, as JSON Schema, from the schema of its documents."""

from __future__ import annotations

from typing import Any

from inventory.api.rendering import OWN
from inventory.intake.schema import VM
from inventory.models import ReplicaState

_SHOWN_ALWAYS = (*OWN, "cloud", "appliance")
_VM_AS_SHOWN = {"disks": "disks", "nics": "NICs", "replications": "replications"}


def list_answer() -> dict[str, Any]:
    """Describe a page of VMs without their disks, NICs and replications."""
    count = {"type": "integer", "minimum": 0}
    return _envelope(
        total_vms={**count, "description": "How many protected VMs there are."},
        returned_vms={**count, "description": "How many of them this answer holds."},
        vms={
            "type": "array",
            "description": "The VMs, by name.",
            "items": {"type": "object", "properties": _shown(_SHOWN_ALWAYS), "required": list(_SHOWN_ALWAYS)},
        },
    )


def vm_answer() -> dict[str, Any]:
    """Describe one VM with all that belongs to it."""
    return _envelope(vm=_vm())


def put_answer() -> dict[str, Any]:
    """Describe what became of a document, with the VM as it is now."""
    outcome = {
        "type": "string",
        "enum": ["created", "changed", "unchanged"],
        "description": "What the document did to the inventory.",
    }
    return _envelope(outcome=outcome, vm=_vm())


def _vm() -> dict[str, Any]:
    names = (*_SHOWN_ALWAYS, *_VM_AS_SHOWN)
    return {
        "type": "object",
        "description": "The VM as its inventory document; docs/inventory-file.md says what each field means.",
        "properties": _shown(names),
        "required": list(names),
    }


def _shown(names: tuple[str, ...]) -> dict[str, Any]:
    properties: dict[str, Any] = {name: VM["properties"][name] for name in names}
    if "disks" in properties:
        properties["disks"] = _with_every_state(properties["disks"])
    return properties


def _with_every_state(disks: dict[str, Any]) -> dict[str, Any]:
    """Give the disks' schema with the state that only a commit gives, which no document may bring."""
    disk = disks["items"]
    replica = disk["properties"]["replica"]
    state = {"enum": list(ReplicaState.values), "description": f"one of {', '.join(ReplicaState.values)}"}
    replica = {**replica, "properties": {**replica["properties"], "state": state}}
    return {**disks, "items": {**disk, "properties": {**disk["properties"], "replica": replica}}}


def _envelope(**properties: dict[str, Any]) -> dict[str, Any]:
    own = {
        "success": {"type": "boolean", "const": True, "description": "Whether the request was carried out."},
        "message": {"type": "string", "description": "One sentence for a person."},
    }
    return {"type": "object", "properties": {**own, **properties}, "required": [*own, *properties]}
