"""Turn the objects of CloudStack's answers into results, one function a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from cloudstack.answers import UnusableAnswer
from cloudstack.decoding import Fields
from cloudstack.results import (
    AsyncJob,
    Capabilities,
    Network,
    Nic,
    OsType,
    ResourceLimit,
    ServiceOffering,
    Snapshot,
    Template,
    VirtualMachine,
    Volume,
    Zone,
)

_JOB_STATUS: Mapping[int | None, Literal["pending", "succeeded", "failed"]] = {
    0: "pending",
    1: "succeeded",
    2: "failed",
}


def volume(value: object) -> Volume:
    """Read a volume."""
    fields = Fields("volume", value)
    return Volume(
        id=fields.text("id"),
        name=fields.text("name"),
        state=fields.text("state"),
        type=fields.text("type"),
        device_id=fields.optional_integer("deviceid"),
        virtual_machine_id=fields.optional_text("virtualmachineid"),
        virtual_machine_state=fields.optional_text("vmstate"),
        size=fields.optional_integer("size"),
        zone_id=fields.optional_text("zoneid"),
        account=fields.optional_text("account"),
        delete_protection=fields.optional_flag("deleteprotection"),
        snapshot_id=fields.optional_text("snapshotid"),
        template_id=fields.optional_text("templateid"),
    )


def virtual_machine(value: object) -> VirtualMachine:
    """Read a VM with its NICs in device order."""
    fields = Fields("virtual machine", value)
    return VirtualMachine(
        id=fields.text("id"),
        name=fields.text("name"),
        state=fields.text("state"),
        display_name=fields.optional_text("displayname"),
        service_offering_id=fields.optional_text("serviceofferingid"),
        template_id=fields.optional_text("templateid"),
        os_type_id=fields.optional_text("ostypeid") or fields.optional_text("guestosid"),
        os_display_name=fields.optional_text("osdisplayname"),
        cpu_number=fields.optional_integer("cpunumber"),
        memory_mb=fields.optional_integer("memory"),
        nics=_nics(fields.objects("nic")),
        account=fields.optional_text("account"),
        zone_id=fields.optional_text("zoneid"),
        delete_protection=fields.optional_flag("deleteprotection"),
        details=fields.texts("details"),
        tags=_tags(fields),
        boot_type=fields.optional_text("boottype"),
        boot_mode=fields.optional_text("bootmode"),
    )


def snapshot(value: object) -> Snapshot:
    """Read a volume snapshot."""
    fields = Fields("snapshot", value)
    return Snapshot(
        id=fields.text("id"),
        name=fields.text("name"),
        state=fields.text("state"),
        volume_id=fields.optional_text("volumeid"),
        created=fields.optional_time("created"),
        tags=_tags(fields),
    )


def async_job(value: object) -> AsyncJob:
    """Read a job. Only the outer status counts: the object inside a finished job may still say 0."""
    fields = Fields("async job", value)
    status = _JOB_STATUS.get(fields.optional_integer("jobstatus"))
    if status is None or not isinstance(value, Mapping):
        raise UnusableAnswer("async job has no jobstatus of 0, 1 or 2")
    raw = value.get("jobresult")
    result: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    error_code, error_text = _job_error(fields, raw) if status == "failed" else (None, None)
    return AsyncJob(
        id=fields.text("jobid"),
        status=status,
        error_code=error_code,
        error_text=error_text,
        result=result,
        result_entity_id=_entity_id(result),
        instance_type=fields.optional_text("jobinstancetype"),
        instance_id=fields.optional_text("jobinstanceid"),
        command=fields.optional_text("cmd"),
        created=fields.optional_time("created"),
        completed=fields.optional_time("completed"),
    )


def network(value: object) -> Network:
    """Read a guest network."""
    fields = Fields("network", value)
    return Network(
        id=fields.text("id"),
        name=fields.text("name"),
        type=fields.optional_text("type"),
        state=fields.optional_text("state"),
        zone_id=fields.optional_text("zoneid"),
        account=fields.optional_text("account"),
        cidr=fields.optional_text("cidr"),
        is_system=fields.flag("issystem"),
    )


def service_offering(value: object) -> ServiceOffering:
    """Read a compute offering; the limits of a customized one stand in its details."""
    fields = Fields("service offering", value)
    limits = Fields("service offering details", fields.texts("serviceofferingdetails") or {})
    return ServiceOffering(
        id=fields.text("id"),
        name=fields.text("name"),
        is_customized=fields.flag("iscustomized"),
        cpu_number=fields.optional_integer("cpunumber"),
        memory=fields.optional_integer("memory"),
        cpu_speed=fields.optional_integer("cpuspeed"),
        min_cpu_number=limits.optional_integer("mincpunumber"),
        max_cpu_number=limits.optional_integer("maxcpunumber"),
        min_memory=limits.optional_integer("minmemory"),
        max_memory=limits.optional_integer("maxmemory"),
        is_volatile=fields.flag("isvolatile"),
    )


def template(value: object) -> Template:
    """Read a template."""
    fields = Fields("template", value)
    return Template(
        id=fields.text("id"),
        name=fields.text("name"),
        is_ready=fields.flag("isready"),
        os_type_id=fields.optional_text("ostypeid"),
        os_type_name=fields.optional_text("ostypename"),
        zone_id=fields.optional_text("zoneid"),
        hypervisor=fields.optional_text("hypervisor"),
        size=fields.optional_integer("size"),
        password_enabled=fields.flag("passwordenabled"),
    )


def os_type(value: object) -> OsType:
    """Read a guest OS type."""
    fields = Fields("OS type", value)
    return OsType(id=fields.text("id"), description=fields.text("description"))


def zone(value: object) -> Zone:
    """Read a zone."""
    fields = Fields("zone", value)
    return Zone(
        id=fields.text("id"),
        name=fields.text("name"),
        network_type=fields.optional_text("networktype"),
        allocation_state=fields.optional_text("allocationstate"),
    )


def capabilities(value: object) -> Capabilities:
    """Read what the cloud allows."""
    fields = Fields("capability", value)
    return Capabilities(
        version=fields.text("cloudstackversion"),
        kvm_snapshots_of_running_vms=fields.flag("kvmsnapshotenabled"),
        expunge_allowed=fields.flag("allowuserexpungerecovervm"),
        volume_expunge_allowed=fields.flag("allowuserexpungerecovervolume"),
        force_stop_allowed=fields.flag("allowuserforcestopvm"),
        destroyed_vms_visible=fields.flag("allowuserviewdestroyedvm"),
    )


def resource_limit(value: object) -> ResourceLimit:
    """Read a limit of an account; without one in the answer there is none."""
    fields = Fields("resource limit", value)
    limit = fields.optional_integer("max")
    return ResourceLimit(
        type_name=fields.optional_text("resourcetypename") or fields.text("resourcetype"),
        max=-1 if limit is None else limit,
        account=fields.optional_text("account"),
    )


def job_id(value: object) -> str:
    """Read the id of an unfinished job out of a list of them."""
    return Fields("async job", value).text("jobid")


def api_name(value: object) -> str:
    """Read the name of an API that the key may call."""
    return Fields("api", value).text("name")


def _nics(values: tuple[object, ...]) -> tuple[Nic, ...]:
    placed = sorted(enumerate(values), key=lambda item: _nic_order(*item))
    return tuple(_nic(value) for _, value in placed)


def _nic_order(position: int, value: object) -> tuple[int, int]:
    device_id = Fields("NIC", value).optional_integer("deviceid")
    return (position if device_id is None else device_id, position)


def _nic(value: object) -> Nic:
    fields = Fields("NIC", value)
    mac = fields.optional_text("macaddress")
    return Nic(
        id=fields.text("id"),
        network_id=fields.text("networkid"),
        network_name=fields.optional_text("networkname"),
        mac=mac.lower() if mac else None,
        ip=fields.optional_text("ipaddress"),
        is_default=fields.flag("isdefault"),
    )


def _tags(fields: Fields) -> dict[str, str]:
    tags = [Fields("tag", value) for value in fields.objects("tags")]
    return {tag.text("key"): tag.optional_text("value") or "" for tag in tags}


def _job_error(fields: Fields, raw: object) -> tuple[int | None, str | None]:
    """Return code and text; after a restart or a cancellation CloudStack keeps only a code, or 0 for none."""
    inner = Fields("job result", raw if isinstance(raw, dict) else {})
    code = inner.optional_integer("errorcode") or fields.optional_integer("jobresultcode") or None
    text = inner.optional_text("errortext") or (raw if isinstance(raw, str) else None)
    return code, text


def _entity_id(result: Mapping[str, Any]) -> str | None:
    for value in result.values():
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            return str(value["id"])
    return None
