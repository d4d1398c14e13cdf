"""This will check where the NICs go: mappings, the networks behind them, addresses."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Sequence

from cloudstack.results import Network
from networks.errors import MappingMissing
from networks.placement import NicPlacement
from validation.facts import Facts
from validation.findings import Finding, failed, passed, warned


def network_mapping(facts: Facts) -> Finding:
    """Check that every NIC has a network that its purpose allows."""
    refusal = facts.placement_refusal
    if isinstance(refusal, MappingMissing):
        return failed(
            "Network mappings incomplete",
            warnings=[f"VM network '{name}' not mapped to OSSEA network" for name in refusal.networks],
            actions=[f"Create network mapping for '{name}'" for name in refusal.networks],
            code="NETWORK_MAPPING_MISSING",
            unmapped_networks=refusal.networks,
            purpose=facts.purpose.value,
        )
    if refusal is not None:
        return failed(str(refusal), actions=refusal.required_actions, purpose=facts.purpose.value)
    crowded = _crowded(facts.placements)
    if crowded:
        # CloudStack keeps one NIC a network and drops the second without a word: the gateway would not send it.
        return failed(
            "Several NICs go to the same target network",
            errors=crowded,
            actions=["Map each NIC to a network of its own: a mapping with source_mac is for that NIC only"],
            purpose=facts.purpose.value,
        )
    if not facts.placements:
        return warned("VM has no NICs: it will have no network")
    return passed("All VM networks are mapped", mapped_networks=len(facts.placements))


def _crowded(placements: Sequence[NicPlacement]) -> list[str]:
    by_network: dict[str, list[NicPlacement]] = {}
    for nic in placements:
        by_network.setdefault(nic.network_id.lower(), []).append(nic)
    return [
        f"NICs {' and '.join(str(nic.position) for nic in nics)} ("
        f"{', '.join(dict.fromkeys(nic.source_network_name for nic in nics))}) all go to network {network_id}: "
        "CloudStack gives a VM one NIC a network"
        for network_id, nics in by_network.items()
        if len(nics) > 1
    ]


def target_networks(facts: Facts) -> Finding:
    """Check that the target networks exist in the zone and can give the addresses that are asked for."""
    problems: list[str] = []
    for placement in facts.placements:
        problem = _network_problem(
            placement, network=facts.cloud.networks.get(placement.network_id), zone_id=facts.cloud_row.zone_id
        )
        if problem:
            problems.append(problem)
    if problems:
        return failed(
            "Target networks are not usable",
            errors=problems,
            actions=["Correct the network mappings of the VM"],
            networks=problems,
        )
    return passed("Target networks exist in the zone", networks=[nic.network_id for nic in facts.placements])


def _network_problem(placement: NicPlacement, *, network: Network | None, zone_id: str) -> str | None:
    if network is None:
        return f"Network {placement.network_id} does not exist, or the API key may not use it"
    wrong = _unusable(network, zone_id=zone_id) or _address_problem(network, ip=placement.ip)
    return f"Network {network.name} {wrong}" if wrong else None


def _unusable(network: Network, *, zone_id: str) -> str | None:
    if network.zone_id is not None and network.zone_id != zone_id:
        return "is in another zone"
    if network.is_system:
        return "is a system network"
    if network.state in {"Shutdown", "Destroy"}:
        return f"is in state {network.state}"
    return None


def _address_problem(network: Network, *, ip: str | None) -> str | None:
    if ip is None:
        return None
    if network.type == "L2":
        # CloudStack ignores a fixed address there without a word.
        return f"is an L2 network and cannot give the fixed address {ip}"
    if network.cidr and ipaddress.ip_address(ip) not in ipaddress.ip_network(network.cidr, strict=False):
        return f"does not hold the fixed address {ip}: its range is {network.cidr}"
    return None


def addresses(facts: Facts) -> Finding:
    """Check that no MAC and no fixed address is asked for twice."""
    macs = [nic.mac for nic in facts.placements if nic.mac]
    ips = [(nic.network_id, nic.ip) for nic in facts.placements if nic.ip]
    doubled = [f"MAC {mac}" for mac, count in Counter(macs).items() if count > 1]
    doubled += [f"address {ip}" for (_, ip), count in Counter(ips).items() if count > 1]
    multicast = [f"MAC {mac}" for mac in macs if int(mac[:2], 16) & 1]
    if doubled or multicast:
        return failed(
            "NICs ask for the same or for impossible addresses",
            errors=[f"{what} is asked for twice" for what in doubled]
            + [f"{what} is a multicast address" for what in multicast],
            actions=["Correct the MACs in the inventory, or the fixed addresses in the network mappings"],
        )
    return passed("No MAC or fixed address is asked for twice")
