"""Show that nothing leaves that CloudStack or the signature would take amiss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloudstack import Deployment, Gateway, NicRequest, Ticket
from cloudstack_simulator.signature import sign
from tests.cloudstack.scripted_cloud import (
    JOB,
    NETWORK,
    NOW,
    OTHER_NETWORK,
    VM,
    VOLUME,
    ZONE,
    ScriptedCloud,
    always,
    answer,
)

TICKET = Ticket(JOB, NOW + 30)
BAD_IDS = ["1", "", "42", VM + "\n", f" {VM}", f"{VM},{VM}", VM.replace("-", ""), "{" + VM + "}", "١" * 36]
DEPLOYMENT = Deployment(
    zone_id=ZONE,
    service_offering_id=VOLUME,
    template_id=VM,
    name="fo-1",
    display_name="Web server",
    nics=(NicRequest(NETWORK), NicRequest(OTHER_NETWORK)),
    details={"cpuNumber": "2", "memory": "512", "rootDiskController": "scsi"},
)


class Allowed:
    """Allow every destruction."""

    def refusal(self, *, kind: str, id: str) -> str | None:
        """Allow it."""
        return None


CALLS: dict[str, Any] = {
    "start": lambda gateway, id: gateway.start_virtual_machine(id, ticket=TICKET),
    "stop": lambda gateway, id: gateway.stop_virtual_machine(id, ticket=TICKET),
    "destroy": lambda gateway, id: gateway.destroy_virtual_machine(id, expunge=True, ticket=TICKET),
    "protect": lambda gateway, id: gateway.set_delete_protection(id, protected=True, ticket=TICKET),
    "os type of": lambda gateway, id: gateway.set_os_type(id, VM, ticket=TICKET),
    "os type": lambda gateway, id: gateway.set_os_type(VM, id, ticket=TICKET),
    "attach": lambda gateway, id: gateway.attach_volume(id, VM, device_id=0, ticket=TICKET),
    "attach to": lambda gateway, id: gateway.attach_volume(VOLUME, id, device_id=0, ticket=TICKET),
    "detach": lambda gateway, id: gateway.detach_volume(id, ticket=TICKET),
    "clone": lambda gateway, id: gateway.create_volume_from_snapshot(id, "n", zone_id=ZONE, ticket=TICKET),
    "clone in": lambda gateway, id: gateway.create_volume_from_snapshot(VM, "n", zone_id=id, ticket=TICKET),
    "delete volume": lambda gateway, id: gateway.delete_volume(id, ticket=TICKET),
    "snapshot": lambda gateway, id: gateway.create_snapshot(id, "n", tags={}, ticket=TICKET),
    "delete snapshot": lambda gateway, id: gateway.delete_snapshot(id, ticket=TICKET),
    "revert": lambda gateway, id: gateway.revert_snapshot(id, ticket=TICKET),
    "tag": lambda gateway, id: gateway.create_tags("Volume", [VOLUME, id], {"a": "b"}, ticket=TICKET),
    "untag": lambda gateway, id: gateway.delete_tags("Volume", [id], {"a": "b"}, ticket=TICKET),
    "deploy in": lambda gateway, id: _deploy(gateway, zone_id=id),
    "deploy sized": lambda gateway, id: _deploy(gateway, service_offering_id=id),
    "deploy from": lambda gateway, id: _deploy(gateway, template_id=id),
    "deploy on": lambda gateway, id: _deploy(gateway, nics=(NicRequest(id),)),
    "read volume": lambda gateway, id: gateway.volume(id),
    "read volumes of": lambda gateway, id: gateway.volumes_of(id),
    "read vm": lambda gateway, id: gateway.virtual_machine(id),
    "read snapshot": lambda gateway, id: gateway.snapshot(id),
    "read snapshots of": lambda gateway, id: gateway.snapshots_of(id),
    "read job": lambda gateway, id: gateway.async_job(id),
    "read zone": lambda gateway, id: gateway.zone(id),
    "read network": lambda gateway, id: gateway.network(id),
    "read offering": lambda gateway, id: gateway.service_offering(id),
    "read template": lambda gateway, id: gateway.template(id),
}


@pytest.mark.parametrize("id", BAD_IDS)
@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_uuid_never_goes_out_as_an_id(call: str, id: str) -> None:
    cloud = always(answer("anything", jobid=JOB))

    with pytest.raises(ValueError, match="uuid"):
        CALLS[call](cloud.gateway(destroy_port=Allowed()), id)

    assert cloud.asked == []


@pytest.mark.parametrize("value", ["a~b", "a\nb", "a\x00b", "a\x7fb", "a\x85b", "a\ud800b"])
def test_a_value_that_would_be_signed_or_read_wrongly_is_refused_by_name(value: str) -> None:
    cloud = always(answer("createSnapshot", jobid=JOB))

    with pytest.raises(ValueError, match="name must"):
        cloud.gateway().create_snapshot(VOLUME, value, tags={}, ticket=TICKET)
    with pytest.raises(ValueError, match=r"tags\[0\]\.value must"):
        cloud.gateway().create_snapshot(VOLUME, "n", tags={"k": value}, ticket=TICKET)
    with pytest.raises(ValueError, match="displayname must"):
        _deploy(cloud.gateway(), display_name=value)
    with pytest.raises(ValueError, match="name must"):
        cloud.gateway().virtual_machines_named(value)

    assert cloud.asked == []


@pytest.mark.parametrize("device_id", [3, -1])
def test_a_disk_is_never_attached_where_the_cd_is(device_id: int) -> None:
    with pytest.raises(ValueError, match="device_id"):
        always(answer("x")).gateway().attach_volume(VOLUME, VM, device_id=device_id, ticket=TICKET)


def test_a_deployment_never_starts_the_vm() -> None:
    asked = _deployed(DEPLOYMENT)

    assert asked["startvm"] == "false"


def test_networks_without_wishes_are_named_in_order() -> None:
    asked = _deployed(DEPLOYMENT)

    assert asked["networkids"] == f"{NETWORK},{OTHER_NETWORK}"
    assert asked["details[0].cpuNumber"] == "2"
    assert asked["details[0].rootDiskController"] == "scsi"
    assert "boottype" not in asked


def test_one_nic_with_a_wish_moves_all_of_them_to_the_other_list() -> None:
    nics = (NicRequest(NETWORK, mac="02:00:11:22:33:44", ip="10.1.1.5"), NicRequest(OTHER_NETWORK, ip="fd00::5"))

    asked = _deployed(replace(DEPLOYMENT, nics=nics))

    assert {key: value for key, value in asked.items() if "network" in key} == {
        "iptonetworklist[0].networkid": NETWORK,
        "iptonetworklist[0].ip": "10.1.1.5",
        "iptonetworklist[0].mac": "02:00:11:22:33:44",
        "iptonetworklist[1].networkid": OTHER_NETWORK,
        "iptonetworklist[1].ipv6": "fd00::5",
    }


def test_firmware_is_sent_with_its_mode() -> None:
    asked = _deployed(replace(DEPLOYMENT, boot_type="UEFI", boot_mode="SECURE"))

    assert (asked["boottype"], asked["bootmode"]) == ("UEFI", "SECURE")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"boot_type": "BIOS"}, "together"),
        ({"boot_mode": "SECURE"}, "together"),
        ({"nics": (NicRequest(NETWORK), NicRequest(NETWORK))}, "two NICs on one network"),
        ({"nics": (NicRequest(NETWORK, mac="nonsense"),)}, "MAC"),
        ({"nics": (NicRequest(NETWORK, ip="10.1.1"),)}, "10.1.1"),
        ({"details": {"a b": "c"}}, "details"),
        ({"details": {"a&startvm": "true"}}, "details"),
    ],
)
def test_a_deployment_that_would_not_become_what_was_meant_is_not_sent(change: dict[str, Any], words: str) -> None:
    cloud = always(answer("deployVirtualMachine", jobid=JOB))

    with pytest.raises(ValueError, match=words):
        _deploy(cloud.gateway(), **change)

    assert cloud.asked == []


def test_the_secret_does_not_travel() -> None:
    cloud = always(answer("startVirtualMachine", jobid=JOB))

    cloud.gateway().start_virtual_machine(VM, ticket=TICKET)

    assert "secret" not in str(cloud.asked[0])


@pytest.mark.parametrize("name", ["a b", "ä+b=c&d", "100%", "x/y?z", "it's (1)*", "日本"])
def test_what_arrives_is_what_was_meant_and_what_was_signed(name: str) -> None:
    cloud = always(answer("createSnapshot", id=VM, jobid=JOB))

    cloud.gateway().create_snapshot(VM, name, tags={"k [1]": name}, ticket=TICKET)

    asked = dict(cloud.asked[0])
    signature = asked.pop("signature")
    assert (asked["name"], asked["tags[0].key"], asked["tags[0].value"]) == (name, "k [1]", name)
    assert signature == sign(asked, "secret")


def test_an_endpoint_does_not_show_its_keys() -> None:
    shown = repr(always(answer("x")).gateway().endpoint)

    assert "key" not in shown.replace("api_key", "")
    assert "secret" not in shown


def _deploy(gateway: Gateway, **change: Any) -> None:
    gateway.deploy_virtual_machine(replace(DEPLOYMENT, **change), ticket=TICKET)


def _deployed(request: Deployment) -> dict[str, str]:
    cloud: ScriptedCloud = always(answer("deployVirtualMachine", id=VM, jobid=JOB))
    cloud.gateway().deploy_virtual_machine(request, ticket=TICKET)
    return cloud.asked[0]
