"""This will say what is odd about mappings that are taken all the same: the inventory may learn of the NIC later."""

from __future__ import annotations

from collections.abc import Iterable

from inventory.models import ProtectedVM
from networks.services import MappingWish


def doubts_about(*, vm: ProtectedVM, wishes: Iterable[MappingWish]) -> list[str]:
    """Name the source networks and the MACs that the VM does not have now, each once."""
    nics = list(vm.nics.order_by("position"))
    names = list(dict.fromkeys(nic.network_name for nic in nics))
    has = ", ".join(f"'{name}'" for name in names) or "none"
    doubts = []
    for wish in wishes:
        source = wish.source_network_name
        if source not in names:
            doubts.append(f"The VM has no source network '{source}' now; it has {has}. The mapping is kept, unused")
        elif wish.source_mac and (source, wish.source_mac) not in {(nic.network_name, nic.mac) for nic in nics}:
            doubts.append(f"No NIC of '{source}' has the MAC {wish.source_mac} now. The mapping is kept, unused")
    return list(dict.fromkeys(doubts))
