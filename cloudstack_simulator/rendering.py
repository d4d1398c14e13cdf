"""This will render rows as the JSON objects of CloudStack's answers, with the keys that each state and caller sees."""

from __future__ import annotations

from cloudstack_simulator.answers import stamp
from cloudstack_simulator.cloud import Cloud
from cloudstack_simulator.records import Account, Json, Machine, Nic, Snapshot, Tags, Volume

# What a VM's details hold beside the caller's own is only shown to root admins in the recordings of ordinary accounts
_DISK_STATISTICS: Json = {"diskkbsread": 0, "diskkbswrite": 0, "diskioread": 0, "diskiowrite": 0}


def owner(cloud: Cloud, account: str) -> Json:
    """This will render who owns a row."""
    return {"account": account, "domainid": cloud.catalogue.domain_id, "domain": "ROOT", "domainpath": "ROOT"}


def job_mark(job_id: str | None) -> Json:
    """This will add the job that made an object, with the status that CloudStack leaves at 0."""
    return {} if job_id is None else {"jobid": job_id, "jobstatus": 0}


def render_tags(cloud: Cloud, tags: Tags, *, kind: str, row_id: str, account: str) -> list[Json]:
    """This will render the tags of a row."""
    domain = {"account": account, "domainid": cloud.catalogue.domain_id, "domain": "ROOT"}
    return [{**tag, "resourcetype": kind, "resourceid": row_id, **domain} for tag in tags]


def render_volume(
    cloud: Cloud, volume: Volume, *, viewer: Account, job_id: str | None = None, fresh: bool = False
) -> Json:
    """This will render a volume; only the result of its own creation names the snapshot it came from."""
    shown: Json = {"id": volume.id, "name": volume.name}
    shown |= {"zoneid": cloud.catalogue.zone_id, "zonename": cloud.catalogue.zone_name, "type": volume.type}
    machine = cloud.world.machines.get(volume.vm_id or "")
    if machine is not None:
        shown |= {"deviceid": volume.device_id, "virtualmachineid": machine.id}
    shown |= _template_of_volume(cloud, volume)
    if machine is not None:
        shown |= {"vmname": machine.name, "vmdisplayname": machine.display_name}
        shown |= {"vmstate": machine.state, "vmtype": "User"}
    shown |= {"provisioningtype": "thin", "size": volume.size, "created": stamp(volume.created), "state": volume.state}
    shown |= owner(cloud, volume.account)
    if viewer.root_admin:
        shown["storagetype"] = "shared"
    if machine is not None and (volume.attached is not None or volume.on_storage):
        shown |= _DISK_STATISTICS
    if viewer.root_admin:
        shown["hypervisor"] = cloud.catalogue.settings.hypervisor if volume.hypervisor_known else "None"
    shown |= _offering_of_volume(cloud, volume)
    if volume.on_storage and viewer.root_admin:
        shown["storage"] = cloud.catalogue.places["storage"]
    if volume.attached is not None:
        shown["attached"] = stamp(volume.attached)
    shown["destroyed"] = volume.state == "Destroy"
    shown["isextractable"] = volume.template_id is None or volume.type != "ROOT"
    if viewer.root_admin:
        shown["displayvolume"] = True
        if volume.on_storage:
            shown |= {"path": volume.path} if volume.path else {}
            shown["storageid"] = cloud.catalogue.places["storageid"]
    shown |= {"quiescevm": False, "supportsstoragesnapshot": False, "deleteprotection": volume.delete_protection}
    if volume.snapshot_id is not None and fresh:
        shown["snapshotid"] = volume.snapshot_id
    if volume.on_storage and viewer.root_admin:
        shown |= {key: cloud.catalogue.places[key] for key in ("clusterid", "clustername", "podid", "podname")}
    shown["tags"] = render_tags(cloud, volume.tags, kind="Volume", row_id=volume.id, account=volume.account)
    return shown | {"hasannotations": False} | job_mark(job_id)


def _template_of_volume(cloud: Cloud, volume: Volume) -> Json:
    template = cloud.catalogue.templates.get(volume.template_id or "")
    if template is None:
        return {}
    return {"templateid": template.id, "templatename": template.name, "templatedisplaytext": template.name}


def _offering_of_volume(cloud: Cloud, volume: Volume) -> Json:
    disk = cloud.catalogue.disk_offerings.get(volume.disk_offering_id or "")
    if disk is not None:
        return {
            "diskofferingid": disk.id,
            "diskofferingname": disk.name,
            "diskofferingdisplaytext": disk.display_text,
        }
    size = cloud.catalogue.service_offerings.get(volume.offering_id or "")
    if size is None:
        return {}
    # CloudStack shows the database's own number here, seen in every recording
    return {"serviceofferingid": "1", "serviceofferingname": size.name, "serviceofferingdisplaytext": size.display_text}


def render_nic(cloud: Cloud, nic: Nic, position: int) -> Json:
    """This will render a network card of a VM."""
    network = cloud.world.networks[nic.network_id]
    shown: Json = {"id": nic.id, "networkid": network.id, "networkname": network.name}
    if nic.ip is not None:
        shown |= {"netmask": network.netmask, "gateway": network.gateway, "ipaddress": nic.ip}
    if nic.plugged:
        shown |= {"isolationuri": f"vlan://{network.vlan}", "broadcasturi": f"vlan://{network.vlan}"}
    shown |= {"traffictype": "Guest", "type": network.type, "isdefault": position == 0, "macaddress": nic.mac}
    return shown | {"secondaryip": [], "extradhcpoption": [], "deviceid": str(position)}


def render_machine(
    cloud: Cloud, machine: Machine, *, viewer: Account, job_id: str | None = None, minimal: bool = False
) -> Json:
    """This will render a VM."""
    account = cloud.world.account_named(machine.account)
    shown: Json = {"id": machine.id, "name": machine.name, "displayname": machine.display_name}
    shown |= {"account": machine.account, "userid": account.user_id, "username": account.user_name}
    shown |= {"domainid": cloud.catalogue.domain_id, "domain": "ROOT", "domainpath": "ROOT"}
    shown["created"] = stamp(machine.created)
    if machine.updated is not None:
        shown["lastupdated"] = stamp(machine.updated)
    shown |= {"state": machine.state, "haenable": False}
    shown |= {"zoneid": cloud.catalogue.zone_id, "zonename": cloud.catalogue.zone_name}
    shown |= _host_of(cloud, machine, viewer)
    if not minimal:
        shown |= _shape_of(cloud, machine)
    shown |= _data_offering_of(cloud, machine)
    shown |= {"guestosid": machine.os_type_id} | ({} if minimal else _root_of(cloud, machine))
    shown["securitygroup"] = []
    shown["nic"] = [render_nic(cloud, nic, position) for position, nic in enumerate(machine.nics)]
    shown["hypervisor"] = cloud.catalogue.settings.hypervisor
    if machine.nics and machine.nics[0].ip is not None:
        shown["ipaddress"] = machine.nics[0].ip
    if viewer.root_admin:
        shown["instancename"] = machine.instance_name
    shown |= _details_of(machine, viewer)
    shown["affinitygroup"] = []
    if viewer.root_admin:
        shown["displayvm"] = True
    shown |= {"isdynamicallyscalable": False, "deleteprotection": machine.delete_protection}
    shown |= _guest_of(cloud, machine)
    if any(volume.on_storage for volume in cloud.world.volumes_of(machine.id)):
        shown["pooltype"] = "NetworkFilesystem"
    shown |= {"receivedbytes": 0, "sentbytes": 0}
    if viewer.root_admin:
        shown["arch"] = "x86_64"
    shown["tags"] = render_tags(cloud, machine.tags, kind="UserVm", row_id=machine.id, account=machine.account)
    return shown | {"hasannotations": False} | job_mark(job_id)


def _host_of(cloud: Cloud, machine: Machine, viewer: Account) -> Json:
    if machine.state not in ("Running", "Starting", "Stopping") and not machine.host_lingers:
        return {}
    places = cloud.catalogue.places
    if not viewer.root_admin:
        return {"hostcontrolstate": "Enabled"}
    return {"hostid": places["hostid"], "hostname": places["hostname"], "hostcontrolstate": "Enabled"}


def _shape_of(cloud: Cloud, machine: Machine) -> Json:
    template = cloud.catalogue.templates[machine.template_id]
    offering = cloud.catalogue.service_offerings[machine.offering_id]
    shown: Json = {
        "templateid": template.id,
        "templatename": template.name,
        "templatetype": template.type,
        "templateformat": template.format,
        "templatedisplaytext": template.name,
        "passwordenabled": False,
        "serviceofferingid": offering.id,
        "serviceofferingname": offering.name,
    }
    return shown | {"cpunumber": machine.cpu, "cpuspeed": machine.cpu_speed, "memory": machine.memory}


def _data_offering_of(cloud: Cloud, machine: Machine) -> Json:
    disks = [volume.disk_offering_id for volume in cloud.world.volumes_of(machine.id) if volume.disk_offering_id]
    if not disks:
        return {}
    disk = cloud.catalogue.disk_offerings[disks[0]]
    return {"diskofferingid": disk.id, "diskofferingname": disk.name}


def _root_of(cloud: Cloud, machine: Machine) -> Json:
    if any(volume.device_id == 0 for volume in cloud.world.volumes_of(machine.id)):
        return {"rootdeviceid": 0, "rootdevicetype": "ROOT"}
    return {}


def _details_of(machine: Machine, viewer: Account) -> Json:
    shown: Json = {"details": machine.details | machine.inner_details}
    if not viewer.root_admin:
        shown["readonlydetails"] = "dataDiskController, rootDiskController"
    return shown


def _guest_of(cloud: Cloud, machine: Machine) -> Json:
    os_type = cloud.catalogue.os_types.get(machine.os_type_id)
    shown: Json = {"ostypeid": machine.os_type_id, "osdisplayname": os_type.description if os_type else ""}
    if machine.boot_type is not None:
        shown |= {"bootmode": (machine.boot_mode or "").lower(), "boottype": machine.boot_type.capitalize()}
    elif machine.running:
        shown |= {"bootmode": "legacy", "boottype": "Bios"}
    return shown


def render_gone_machine() -> Json:
    """This will render what is left of a VM in the result of its own expunging."""
    return {"securitygroup": [], "nic": [], "affinitygroup": [], "deleteprotection": False, "tags": []}


def render_snapshot(cloud: Cloud, snapshot: Snapshot, *, job: bool = False) -> Json:
    """This will render a snapshot; inside a job's result it is shown with its kind and its tags in short."""
    volume = cloud.world.volumes[snapshot.volume_id]
    shown: Json = {"id": snapshot.id} | owner(cloud, snapshot.account)
    if job:
        shown["snapshottype"] = "MANUAL"
    shown |= {"volumeid": volume.id, "volumename": volume.name, "volumetype": volume.type, "volumestate": volume.state}
    shown |= {"created": stamp(snapshot.created), "name": snapshot.name, "intervaltype": "MANUAL"}
    shown |= {"state": snapshot.state, "physicalsize": 0}
    if job or snapshot.state not in ("Allocated", "Error"):
        shown |= {"zoneid": cloud.catalogue.zone_id, "zonename": cloud.catalogue.zone_name}
    shown |= {"revertable": cloud.is_kvm and snapshot.state == "BackedUp", "virtualsize": snapshot.size}
    if job:
        shown["tags"] = list(snapshot.tags)
    else:
        shown["tags"] = render_tags(cloud, snapshot.tags, kind="Snapshot", row_id=snapshot.id, account=snapshot.account)
    return shown | {"hasannotations": False}
