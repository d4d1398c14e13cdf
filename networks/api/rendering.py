"""This will turn parsed fields into wishes, and mappings into the contract's words."""

from __future__ import annotations

from typing import Any

from networks.models import NetworkMapping
from networks.services import MappingWish


def wish_of(fields: dict[str, Any]) -> MappingWish:
    """Give the wish that parsed fields state."""
    return MappingWish(**{name: value for name, value in fields.items() if name != "vm_id"})


def rendered(mapping: NetworkMapping, *, with_vm: bool = True) -> dict[str, Any]:
    """Give the mapping as the contract shows it."""
    return {
        "id": mapping.pk,
        **({"vm_id": mapping.vm.vm_id} if with_vm else {}),
        "source_network_name": mapping.source_network_name,
        "destination_network_id": mapping.destination_network_id,
        "destination_network_name": mapping.destination_network_name,
        "is_test_network": mapping.is_test_network,
        "created_at": mapping.created_at,
        "updated_at": mapping.updated_at,
        "source_mac": mapping.source_mac or None,
        "keep_mac": mapping.keep_mac,
        "fixed_ip": mapping.fixed_ip,
    }


def warned(body: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    """Give the body with its warnings, if there are any."""
    return {**body, "warnings": warnings} if warnings else body
