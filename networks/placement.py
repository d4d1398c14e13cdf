"""This will decide on which target network each NIC of a VM lands, for a live or a test failover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inventory.models import ProtectedVM, VMNic
from networks.designations import purpose_among, purposes_of
from networks.errors import MappingMissing, NetworkForbidden, SourceNetworkUnknown
from networks.models import NetworkMapping, Purpose


@dataclass(frozen=True)
class NicPlacement:
    """This will say where one NIC goes; without `mac` or `ip` CloudStack chooses."""

    position: int
    source_network_name: str
    network_id: str
    mac: str | None
    ip: str | None


def place_nics(*, vm: ProtectedVM, purpose: Purpose, overrides: Mapping[str, str]) -> tuple[NicPlacement, ...]:
    """Give the placement of every NIC in NIC order; raises MappingMissing, NetworkForbidden or SourceNetworkUnknown.

    `overrides` maps source network names to target network ids and wins over the mappings' network; it obeys the same
    rules. A test goes to networks that test mappings name and to nothing else; what has no mapping is refused.
    """
    mappings = list(vm.network_mappings.filter(is_test_network=purpose.is_test))
    named = [*overrides.values(), *(mapping.destination_network_id for mapping in mappings)]
    return placed(
        nics=list(vm.nics.order_by("position")),
        mappings=mappings,
        designations=purposes_of(named),
        purpose=purpose,
        overrides=overrides,
    )


def placed(
    *,
    nics: Sequence[VMNic],
    mappings: Iterable[NetworkMapping],
    designations: Mapping[str, bool],
    purpose: Purpose,
    overrides: Mapping[str, str],
) -> tuple[NicPlacement, ...]:
    """Place NICs by rows that were read before; `mappings` may be of both purposes. Raises as `place_nics` does.

    `designations` is what `purposes_of` says of every network that mappings and overrides name.
    """
    _refuse_unknown(overrides, nics=nics)
    of_purpose = [mapping for mapping in mappings if mapping.is_test_network == purpose.is_test]
    places = [_place(nic, mapping=mapping_for(nic, of_purpose), overrides=overrides) for nic in nics]
    _refuse_missing(nics, placed=places, purpose=purpose)
    found = tuple(placement for placement in places if placement is not None)
    _refuse_forbidden({placement.network_id for placement in found}, purpose=purpose, designations=designations)
    return found


def mapping_for(nic: VMNic, mappings: Iterable[NetworkMapping]) -> NetworkMapping | None:
    """Give the NIC's mapping; one with its MAC goes before one for the whole network."""
    of_network = [mapping for mapping in mappings if mapping.source_network_name == nic.network_name]
    by_mac = {mapping.source_mac: mapping for mapping in of_network}
    return by_mac.get(nic.mac.lower()) or by_mac.get("")


def _place(nic: VMNic, *, mapping: NetworkMapping | None, overrides: Mapping[str, str]) -> NicPlacement | None:
    override = overrides.get(nic.network_name)
    if mapping is None and override is None:
        return None
    overridden = override is not None and (mapping is None or override != mapping.destination_network_id)
    return NicPlacement(
        position=nic.position,
        source_network_name=nic.network_name,
        network_id=override if override is not None else mapping.destination_network_id if mapping else "",
        mac=nic.mac if mapping is not None and mapping.keep_mac else None,
        # An address belongs to the mapping's own network: on another one it would be foreign.
        ip=mapping.fixed_ip if mapping is not None and not overridden else None,
    )


def _refuse_unknown(overrides: Mapping[str, str], *, nics: Sequence[VMNic]) -> None:
    known = {nic.network_name for nic in nics}
    if unknown := sorted(set(overrides) - known):
        raise SourceNetworkUnknown(networks=unknown, known=sorted(known))


def _refuse_missing(nics: Sequence[VMNic], *, placed: Sequence[NicPlacement | None], purpose: Purpose) -> None:
    missing = [nic.network_name for nic, placement in zip(nics, placed, strict=True) if placement is None]
    if missing:
        raise MappingMissing(networks=list(dict.fromkeys(missing)), purpose=purpose.value)


def _refuse_forbidden(network_ids: Iterable[str], *, purpose: Purpose, designations: Mapping[str, bool]) -> None:
    for network_id in sorted(network_ids):
        is_test = purpose_among(designations, network_id=network_id)
        if purpose.is_test and is_test is None:
            raise NetworkForbidden(network_id=network_id, wanted_for_test=True, known=False)
        if is_test is not None and is_test != purpose.is_test:
            raise NetworkForbidden(network_id=network_id, wanted_for_test=purpose.is_test)
