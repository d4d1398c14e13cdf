"""This will keep one purpose, live or test, per target network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction

from audit.recording import COMMAND_LINE, record_event
from database.statements import PreparedAmong
from networks.errors import NetworkForbidden
from networks.models import NetworkDesignation

_AT_ONCE = 16
_PURPOSES = PreparedAmong(
    lambda keys: (
        NetworkDesignation.objects.filter(network_id__in=keys).order_by().values_list("network_id", "is_test_network")
    )
)


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
    return purpose_among(purposes_of([network_id]), network_id=network_id)


def purposes_of(network_ids: Iterable[str]) -> Mapping[str, bool]:
    """Say of each network whether it is a test network; for `purpose_among`, which finds it whatever the spelling."""
    keys = sorted({_key(network_id) for network_id in network_ids})
    # As many at a time as statements are worth to be kept for.
    some = (_PURPOSES.values(keys[first : first + _AT_ONCE]) for first in range(0, len(keys), _AT_ONCE))
    return {network_id: is_test for rows in some for network_id, is_test in rows}


def purpose_among(purposes: Mapping[str, bool], *, network_id: str) -> bool | None:
    """Say whether the network is a test network; None when no mapping names it."""
    return purposes.get(_key(network_id))


def pin(*, network_id: str, is_test_network: bool) -> NetworkDesignation:
    """Keep the network for this purpose, whatever mappings come and go; raises NetworkForbidden.

    A network that mappings use for the other purpose keeps that purpose: remove the mappings first.
    """
    with transaction.atomic():
        designation, _ = NetworkDesignation.objects.get_or_create(
            network_id=_key(network_id), defaults={"is_test_network": is_test_network}
        )
        # Locked, so that no mapping takes the network for the other purpose between the look and the change.
        designation = NetworkDesignation.objects.select_for_update().get(pk=designation.pk)
        if designation.is_test_network != is_test_network and designation.mappings.exists():
            raise NetworkForbidden(network_id=network_id, wanted_for_test=is_test_network)
        designation.is_test_network, designation.is_pinned = is_test_network, True
        designation.save(update_fields=["is_test_network", "is_pinned"])
        words = f"The network was pinned as a {'test' if is_test_network else 'live'} network."
        record_event("network_pinned", actor=COMMAND_LINE, subject=f"network:{designation.network_id}", words=words)
    return designation


def unpin(*, network_id: str) -> bool:
    """Let the network's purpose follow its mappings again; False when it was not pinned."""
    with transaction.atomic():
        pinned = NetworkDesignation.objects.filter(network_id=_key(network_id), is_pinned=True)
        unpinned = pinned.update(is_pinned=False)
        if unpinned:
            words = "The network follows its mappings again."
            record_event("network_unpinned", actor=COMMAND_LINE, subject=f"network:{_key(network_id)}", words=words)
    forget_unused()
    return unpinned == 1


def forget_unused() -> int:
    """Delete the designations that no mapping names any more and nobody pinned; such a network is free again."""
    deleted, _ = NetworkDesignation.objects.filter(mappings__isnull=True, is_pinned=False).delete()
    return deleted


def _key(network_id: str) -> str:
    # CloudStack finds a network by its id in any case: the spelling must not make one network look like two.
    return network_id.strip().lower()
