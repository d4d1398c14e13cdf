"""This will say which networks of a VM are mapped, for live failovers and for tests."""

from __future__ import annotations

from typing import Any

from networks.models import NetworkMapping
from networks.placement import mapping_for
from validation.facts import Facts
from validation.judging import judged_by, passes

# The checks that rest on rows alone; whether the networks exist in the cloud is the business of readiness.
_CHECKS = ("Network Mapping", "Addresses")


def network_status(*, live: Facts, test: Facts) -> dict[str, Any]:
    """Give `network_status`: counts and readiness of the live side, the rows of both, and each side by itself."""
    live_side, test_side = _side(live), _side(test)
    return {
        "total_networks": live_side["mapped_networks"] + live_side["unmapped_networks"],
        "mapped_networks": live_side["mapped_networks"],
        "unmapped_networks": live_side["unmapped_networks"],
        "test_networks_available": bool(test_side["mapped_networks"]) and not test_side["unmapped_networks"],
        "mappings": live_side["mapped"] + test_side["mapped"],
        "unmapped": live_side["unmapped"] + test_side["unmapped"],
        "is_ready_for_failover": live_side["is_ready_for_failover"],
        "live": live_side,
        "test": test_side,
    }


def _side(facts: Facts) -> dict[str, Any]:
    nics = list(facts.vm.nics.order_by("position"))
    sources = list(dict.fromkeys(nic.network_name for nic in nics))
    mappings = list(facts.vm.network_mappings.filter(is_test_network=facts.purpose.is_test).order_by("pk"))
    bare = [nic for nic in nics if mapping_for(nic, mappings) is None]
    unmapped = list(dict.fromkeys(nic.network_name for nic in bare))
    findings = [judged.finding for judged in judged_by(facts, *_CHECKS)]
    return {
        "mapped_networks": len(sources) - len(unmapped),
        "unmapped_networks": len(unmapped),
        "mapped": [_row(mapping, is_used=mapping.source_network_name in sources) for mapping in mappings],
        "unmapped": [
            {
                "source_network_name": name,
                "is_test_network": facts.purpose.is_test,
                "status": "unmapped",
                "source_macs": [nic.mac for nic in bare if nic.network_name == name],
            }
            for name in unmapped
        ],
        "is_ready_for_failover": passes(facts, *_CHECKS),
        "errors": [text for finding in findings for text in finding.errors],
        "required_actions": [text for finding in findings for text in finding.required_actions],
    }


def _row(mapping: NetworkMapping, *, is_used: bool) -> dict[str, Any]:
    return {
        "source_network_name": mapping.source_network_name,
        "destination_network_id": mapping.destination_network_id,
        "destination_network_name": mapping.destination_network_name,
        "is_test_network": mapping.is_test_network,
        "status": "mapped" if is_used else "unused",
        "source_mac": mapping.source_mac or None,
    }
