"""This will name what can be wrong with network mappings; each error says what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class NetworkError(Exception):
    """This will be the base of all refusals of this app; `error_code` is the API's code for it."""

    error_code: ClassVar[str] = "VALIDATION_FAILED"
    message: ClassVar[str] = "Network mapping refused"

    def __init__(self, text: str, *, required_actions: Sequence[str]) -> None:
        super().__init__(text)
        self.required_actions = tuple(required_actions)


class PlacementRefused(NetworkError):
    """This will be the base of the reasons why the NICs of a VM cannot be placed."""


class MappingMissing(PlacementRefused):
    """This will say which source networks have no mapping for the purpose; there is never a fallback."""

    error_code = "NETWORK_MAPPING_MISSING"
    message = "Required network mappings are not configured"

    def __init__(self, *, networks: Sequence[str], purpose: str) -> None:
        self.networks = list(networks)
        names = ", ".join(f"'{name}'" for name in self.networks)
        super().__init__(
            f"No {purpose} network mapping for {names}",
            required_actions=[f"Create network mapping for '{name}' ({purpose})" for name in self.networks],
        )


class NetworkForbidden(PlacementRefused):
    """This will say that a network has the other purpose, or is not known as a test network."""

    message = "Target network refused"

    def __init__(self, *, network_id: str, wanted_for_test: bool, known: bool = True) -> None:
        self.network_id = network_id
        if not known:
            text = f"Network {network_id} is not known as a test network"
            action = (
                f"Create a test network mapping to {network_id}, or choose a network that already is a test network"
            )
        elif wanted_for_test:
            text = f"Network {network_id} is used by live mappings and can never be a test network"
            action = "Choose a network that no live mapping uses"
        else:
            text = f"Network {network_id} is a test network and cannot be used for live failovers"
            action = "Choose a network that no test mapping uses"
        super().__init__(text, required_actions=[action])


class SourceNetworkUnknown(PlacementRefused):
    """This will say that an override names networks that the VM does not have; a typo must not fall back in silence."""

    message = "Network override refused"

    def __init__(self, *, networks: Sequence[str], known: Sequence[str]) -> None:
        self.networks = list(networks)
        names = ", ".join(f"'{name}'" for name in self.networks)
        has = ", ".join(f"'{name}'" for name in known) or "none"
        super().__init__(
            f"The VM has no source network {names}; it has {has}",
            required_actions=["Correct the names in network_mappings"],
        )


class MappingsInUse(NetworkError):
    """This will say that the VM is being worked on, so its mappings must not change underneath."""

    error_code = "ACTIVE_JOBS"
    message = "Network mappings cannot change now"

    def __init__(self, *, vm_id: str, reference: str) -> None:
        self.extra = {"blocking_job": reference}
        super().__init__(
            f"VM {vm_id} is held by failover {reference}",
            required_actions=[f"Wait for job {reference} to finish, or cancel it"],
        )


class MappingExists(NetworkError):
    """This will say that the VM already has a mapping for this source and purpose."""

    error_code = "MAPPING_EXISTS"
    message = "Network mapping already exists"

    def __init__(self, *, vm_id: str, source_network_name: str, purpose: str) -> None:
        super().__init__(
            f"VM {vm_id} already has a {purpose} mapping for '{source_network_name}'",
            required_actions=["Replace it with PUT, or delete it first"],
        )


class MappingNamedTwice(NetworkError):
    """This will say that a set of mappings holds two for the same source, purpose and MAC."""

    error_code = "INVALID_REQUEST"
    message = "Invalid request"

    def __init__(self, *, source_network_name: str, purpose: str, source_mac: str) -> None:
        nic = f" and MAC {source_mac}" if source_mac else ""
        super().__init__(
            f"mappings: two {purpose} mappings for '{source_network_name}'{nic}",
            required_actions=["Send one mapping for each source network, purpose and MAC"],
        )


class MappingNotFound(NetworkError):
    """This will say that there is no such mapping."""

    error_code = "MAPPING_NOT_FOUND"
    message = "Network mapping not found"

    def __init__(self, *, vm_id: str, source_network_name: str | None = None) -> None:
        what = f" for '{source_network_name}'" if source_network_name is not None else ""
        super().__init__(
            f"VM {vm_id} has no network mapping{what}",
            required_actions=["List the VM's mappings and check the name"],
        )
