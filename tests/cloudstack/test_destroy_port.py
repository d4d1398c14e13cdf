"""Show that nothing is destroyed unless the port allows it."""

from __future__ import annotations

from typing import Any

import pytest

from cloudstack import Accepted, Completed, Destroyable, DestroyForbidden, Ticket
from tests.cloudstack.scripted_cloud import JOB, NOW, VM, VOLUME, Reply, ScriptedCloud, always, answer

TICKET = Ticket(JOB, NOW + 30)
DESTRUCTIONS: dict[str, Any] = {
    "virtual_machine": lambda gateway: gateway.destroy_virtual_machine(VM, expunge=True, ticket=TICKET),
    "volume": lambda gateway: gateway.delete_volume(VOLUME, ticket=TICKET),
    "snapshot": lambda gateway: gateway.delete_snapshot(VOLUME, ticket=TICKET),
}


class AllowsOnly:
    """Allow one thing and refuse the rest."""

    def __init__(self, kind: Destroyable, id: str) -> None:
        self._allowed = (kind, id)

    def refusal(self, *, kind: Destroyable, id: str) -> str | None:
        """Refuse what is not the one thing."""
        return None if (kind, id) == self._allowed else f"{kind} {id} holds a replica"


@pytest.mark.parametrize("kind", DESTRUCTIONS)
def test_a_gateway_without_a_port_destroys_nothing(kind: str) -> None:
    cloud = always(Reply())

    with pytest.raises(DestroyForbidden, match="no destroy port"):
        DESTRUCTIONS[kind](cloud.gateway())

    assert cloud.asked == []


@pytest.mark.parametrize("kind", DESTRUCTIONS)
def test_a_refusal_of_the_port_is_told_in_its_words(kind: str) -> None:
    cloud = always(Reply())
    port = AllowsOnly("volume", "another")

    with pytest.raises(DestroyForbidden, match="holds a replica"):
        DESTRUCTIONS[kind](cloud.gateway(destroy_port=port))

    assert cloud.asked == []


def test_what_the_port_allows_is_sent() -> None:
    machine = always(answer("destroyVirtualMachine", jobid=JOB))
    volume = always(answer("deleteVolume", success=True))

    destroyed = DESTRUCTIONS["virtual_machine"](machine.gateway(destroy_port=AllowsOnly("virtual_machine", VM)))
    deleted = DESTRUCTIONS["volume"](volume.gateway(destroy_port=AllowsOnly("volume", VOLUME)))

    assert isinstance(destroyed, Accepted)
    assert deleted == Completed(None)
    assert _essence(machine) == {"command": "destroyVirtualMachine", "id": VM, "expunge": "true", "customjobid": JOB}
    assert _essence(volume) == {"command": "deleteVolume", "id": VOLUME}


def test_no_destruction_ever_names_the_volumes_of_a_vm() -> None:
    cloud = always(answer("destroyVirtualMachine", jobid=JOB))

    cloud.gateway(destroy_port=AllowsOnly("virtual_machine", VM)).destroy_virtual_machine(
        VM, expunge=False, ticket=TICKET
    )

    assert _essence(cloud) == {"command": "destroyVirtualMachine", "id": VM, "customjobid": JOB}


def _essence(cloud: ScriptedCloud) -> dict[str, str]:
    of_every_request = {"apiKey", "response", "signatureVersion", "expires", "signature"}
    return {key: value for key, value in cloud.asked[0].items() if key not in of_every_request}
