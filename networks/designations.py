"""This will keep one purpose, live or test, per target network."""

from __future__ import annotations

from networks.errors import NetworkForbidden
from networks.models import NetworkDesignation


def designate(*, network_id: str, is_test_network: bool) -> NetworkDesignation:
    """Give the network's designation for this purpose, made when it has none; raises NetworkForbidden.

    The insert comes before the comparison: of two that race, the unique key lets one through and shows the other what
    the first decided.
    """
    designation, _ = NetworkDesignation.objects.get_or_create(
        network_id=_key(network_id), defaults={"is_test_network": is_test_network}
    )
    if designation.is_test_network != is_test_network:
        raise NetworkForbidden(network_id=network_id, wanted_for_test=is_test_network)
    return designation


def purpose_is_test(*, network_id: str) -> bool | None:
    """Say whether the network is a test network; None when no mapping names it."""
    return (
        NetworkDesignation.objects.filter(network_id=_key(network_id)).values_list("is_test_network", flat=True).first()
    )


def forget_unused() -> int:
    """Delete the designations that no mapping names any more; a network is then free for either purpose again."""
    deleted, _ = NetworkDesignation.objects.filter(mappings__isnull=True).delete()
    return deleted


def _key(network_id: str) -> str:
    # CloudStack finds a network by its id in any case: the spelling must not make one network look like two.
    return network_id.strip().lower()
