"""This will list what the cloud offers: zones, offerings, templates, OS types, networks, capabilities, APIs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

from cloudstack_simulator.answers import invalid_value, stamp
from cloudstack_simulator.catalogue import DiskOffering, ServiceOffering, Template
from cloudstack_simulator.cloud import Cloud, Request, required
from cloudstack_simulator.commands.lists import Listing
from cloudstack_simulator.records import Json, Network
from cloudstack_simulator.rendering import owner

OFFERINGS_MADE = "service_offerings_made"


def _chosen(request: Request, rows: Iterable[Any], *, known: Any = None) -> list[Any]:
    """This will apply the filters that all of these lists have in common: id and name."""
    params = request.params
    if "id" in params and known is not None and params["id"] not in known:
        raise invalid_value(request.command, "id", params["id"])
    return [
        row
        for row in rows
        if params.get("id", row.id) == row.id
        and params.get("name", row.name).lower() == row.name.lower()
        and params.get("keyword", "").lower() in row.name.lower()
    ]


def list_zones(cloud: Cloud, request: Request) -> Listing:
    """This will list the one zone."""
    zone = {"id": cloud.catalogue.zone_id, "name": cloud.catalogue.zone_name}
    if "id" in request.params and request.params["id"] != zone["id"]:
        raise invalid_value(request.command, "id", request.params["id"])
    rows = [] if request.params.get("name", zone["name"]).lower() != zone["name"].lower() else [zone]
    extra = cloud.catalogue.extra.get("zone", {})
    if not request.caller.root_admin:
        extra = {key: value for key, value in extra.items() if key not in cloud.catalogue.extra.get("zone_admin", {})}
    else:
        extra = extra | cloud.catalogue.extra.get("zone_admin", {})
    return Listing("zone", rows, lambda row: row | _ZONE | extra)


_ZONE: Json = {
    "networktype": "Advanced",
    "securitygroupsenabled": False,
    "allocationstate": "Enabled",
    "localstorageenabled": False,
    "type": "Core",
    "tags": [],
    "hasannotations": False,
}


def list_service_offerings(cloud: Cloud, request: Request) -> Listing:
    """This will list sizes for VMs."""
    known = cloud.catalogue.service_offerings
    return Listing("serviceoffering", _chosen(request, known.values(), known=known), _service_offering)


def _service_offering(row: ServiceOffering) -> Json:
    shown: Json = {"id": row.id, "name": row.name, "state": "Active", "displaytext": row.display_text or row.name}
    sizes = {"cpunumber": row.cpu, "cpuspeed": row.cpu_speed, "memory": row.memory}
    shown |= {key: value for key, value in sizes.items() if value is not None}
    bounds = {
        "mincpunumber": row.min_cpu,
        "maxcpunumber": row.max_cpu,
        "minmemory": row.min_memory,
        "maxmemory": row.max_memory,
    }
    if row.custom and any(value is not None for value in bounds.values()):
        shown["serviceofferingdetails"] = {key: str(value) for key, value in bounds.items() if value is not None}
    shown |= {"diskofferingid": str(uuid.uuid5(uuid.NAMESPACE_OID, row.id)), "diskofferingname": row.name}
    shown["diskofferingdisplaytext"] = row.display_text or row.name
    return shown | {"iscustomized": row.custom} | _SERVICE_OFFERING | row.extra


_MADE_ON = stamp(1_700_000_000)
_SERVICE_OFFERING: Json = {
    "created": _MADE_ON,
    "storagetype": "shared",
    "provisioningtype": "thin",
    "offerha": False,
    "limitcpuuse": False,
    "isvolatile": False,
    "issystem": False,
    "defaultuse": False,
    "rootdisksize": 0,
    "dynamicscalingenabled": True,
    "diskofferingstrictness": False,
    "encryptroot": False,
    "hasannotations": False,
}


def create_service_offering(cloud: Cloud, request: Request) -> Json:
    """This will add a fixed size for VMs."""
    params = request.params
    fields: Json = {"id": cloud.world.fresh_id(), "name": required(request, "name")}
    fields |= {"display_text": params.get("displaytext", ""), "extra": {"gpudisplay": False}}
    sizes = {"cpu": "cpunumber", "cpu_speed": "cpuspeed", "memory": "memory"}
    fields |= {field: int(params[name]) for field, name in sizes.items() if name in params}
    cloud.world.note(OFFERINGS_MADE, json.dumps(fields))
    offering = ServiceOffering(**fields)
    cloud.catalogue.service_offerings[offering.id] = offering
    return {"serviceoffering": _service_offering(offering)}


def list_disk_offerings(cloud: Cloud, request: Request) -> Listing:
    """This will list sizes for data volumes."""
    known = cloud.catalogue.disk_offerings
    return Listing("diskoffering", _chosen(request, known.values(), known=known), _disk_offering)


def _disk_offering(row: DiskOffering) -> Json:
    shown: Json = {"id": row.id, "name": row.name, "displaytext": row.display_text, "disksize": row.size_gb}
    shown |= {"iscustomized": row.custom, "state": "Active", "storagetype": "shared", "provisioningtype": "thin"}
    shown |= {"created": _MADE_ON, "displayoffering": True, "disksizestrictness": False, "encrypt": False}
    return shown | {"hasannotations": False} | row.extra


def list_templates(cloud: Cloud, request: Request) -> Listing:
    """This will list templates; the filter is required."""
    required(request, "templatefilter")
    known = cloud.catalogue.templates
    return Listing("template", _chosen(request, known.values(), known=known), lambda row: _template(cloud, row))


def _template(cloud: Cloud, row: Template) -> Json:
    os_type = cloud.catalogue.os_types.get(row.os_type_id)
    shown: Json = {
        "id": row.id,
        "name": row.name,
        "displaytext": row.name,
        "ispublic": True,
        "isready": True,
        "passwordenabled": False,
        "format": row.format,
        "isfeatured": True,
        "crossZones": True,
        "ostypeid": row.os_type_id,
        "ostypename": os_type.description if os_type else "",
        "account": row.account,
        "zoneid": cloud.catalogue.zone_id,
        "zonename": cloud.catalogue.zone_name,
        "status": "Download Complete",
        "size": row.size,
        "templatetype": row.type,
        "hypervisor": cloud.catalogue.settings.hypervisor,
        "domain": "ROOT",
        "domainid": cloud.catalogue.domain_id,
        "isextractable": False,
        "requireshvm": True,
        "created": _MADE_ON,
        "physicalsize": row.size,
        "domainpath": "ROOT",
        "checksum": "",
        "details": {},
        "downloaddetails": [],
        "arch": "x86_64",
        "bits": 0,
        "sshkeyenabled": False,
        "isdynamicallyscalable": False,
        "directdownload": False,
        "deployasis": False,
        "forcks": False,
        "url": "",
        "tags": [],
        "hasannotations": False,
    }
    return shown | row.extra


def list_os_types(cloud: Cloud, request: Request) -> Listing:
    """This will list guest operating systems, by id, description or keyword."""
    params = request.params
    rows = [
        row
        for row in cloud.catalogue.os_types.values()
        if params.get("id", row.id) == row.id
        and params.get("description", row.description).lower() in row.description.lower()
        and params.get("keyword", "").lower() in row.description.lower()
    ]
    return Listing("ostype", rows, _os_type)


def _os_type(row: Any) -> Json:
    shown: Json = {"id": row.id, "name": row.description, "oscategoryid": row.category_id}
    return shown | {"description": row.description, "isuserdefined": False, "fordisplay": True}


def list_networks(cloud: Cloud, request: Request) -> Listing:
    """This will list guest networks."""
    caller, params = request.caller, request.params
    rows = [
        row
        for row in _chosen(request, cloud.world.networks.values(), known=cloud.world.networks)
        if (row.account == caller.name or caller.root_admin)
        and params.get("type", row.type).lower() == row.type.lower()
    ]
    return Listing("network", rows, lambda row: _network(cloud, row, admin=caller.root_admin))


def _network(cloud: Cloud, row: Network, *, admin: bool) -> Json:
    isolated = bool(row.cidr)
    shown: Json = {"id": row.id, "name": row.name, "displaytext": row.display_text}
    shown |= {"broadcastdomaintype": "Vlan", "traffictype": "Guest"}
    if isolated:
        shown |= {"gateway": row.gateway, "netmask": row.netmask, "cidr": row.cidr, "egressdefaultpolicy": False}
        owner_number = cloud.world.account_named(row.account).number
        shown["networkdomain"] = f"cs{owner_number}{cloud.catalogue.settings.network_domain}"
    shown |= {"zoneid": cloud.catalogue.zone_id, "zonename": cloud.catalogue.zone_name, "type": row.type}
    shown |= {"state": row.state, "related": row.id} | owner(cloud, row.account)
    if row.vlan and admin:
        shown |= {"vlan": str(row.vlan), "broadcasturi": f"vlan://{row.vlan}"}
    services = cloud.catalogue.extra.get("services", _SERVICES) if isolated else []
    shown |= {"service": services, "supportsvmautoscaling": isolated, "created": stamp(row.created)}
    offering = "DefaultIsolatedNetworkOfferingWithSourceNatService" if isolated else "DefaultL2NetworkOffering"
    shown |= {"networkofferingid": str(uuid.uuid5(uuid.NAMESPACE_OID, offering)), "networkofferingname": offering}
    text = "Offering for Isolated networks with Source Nat service enabled" if isolated else "Offering for L2 networks"
    shown |= {"networkofferingdisplaytext": text}
    return shown | {"networkofferingavailability": "Required" if isolated else "Optional"} | _NETWORK


_SERVICES = [{"name": name} for name in ("Dhcp", "Dns", "Firewall", "PortForwarding", "SourceNat", "UserData")]
_NETWORK: Json = {
    "networkofferingconservemode": True,
    "issystem": False,
    "dns1": "10.147.28.6",
    "acltype": "Account",
    "physicalnetworkid": str(uuid.uuid5(uuid.NAMESPACE_OID, "physical network")),
    "restartrequired": False,
    "specifyvlan": False,
    "specifyipranges": False,
    "canusefordeploy": True,
    "ispersistent": False,
    "tags": [],
    "details": {},
    "displaynetwork": True,
    "strechedl2subnet": False,
    "redundantrouter": False,
    "receivedbytes": 0,
    "sentbytes": 0,
    "publicmtu": 1500,
    "privatemtu": 1500,
    "hasannotations": False,
}


def list_capabilities(cloud: Cloud, request: Request) -> Json:
    """This will tell the settings that every role may see."""
    settings, admin = cloud.catalogue.settings, request.caller.root_admin
    shown = _CAPABILITIES | {
        "cloudstackversion": settings.version,
        "kvmsnapshotenabled": settings.kvm_snapshot_enabled,
        "allowuserviewdestroyedvm": admin or settings.user_views_destroyed,
        "allowuserexpungerecovervm": admin or settings.user_may_expunge,
        "allowuserexpungerecovervolume": admin or settings.user_may_recover_volumes,
    }
    if admin:
        shown["extensionspath"] = "/usr/share/cloudstack-management/extensions"
    return {"capability": shown}


_CAPABILITIES: Json = {
    "securitygroupsenabled": False,
    "dynamicrolesenabled": True,
    "userpublictemplateenabled": True,
    "supportELB": "false",
    "projectinviterequired": False,
    "allowusercreateprojects": True,
    "customdiskofferingminsize": 1,
    "customdiskofferingmaxsize": 1024,
    "regionsecondaryenabled": False,
    "allowuserviewalldomainaccounts": False,
    "allowuserforcestopvm": True,
    "kubernetesserviceenabled": False,
    "kubernetesclusterexperimentalfeaturesenabled": False,
    "customhypervisordisplayname": "Custom",
    "defaultuipagesize": 20,
    "instancesstatsretentiontime": 720,
    "instancesstatsuseronly": False,
    "instancesdisksstatsretentionenabled": False,
    "instancesdisksstatsretentiontime": 720,
    "sharedfsvmmincpucount": 2,
    "sharedfsvmminramsize": 1024,
    "instanceleaseenabled": False,
    "dynamicscalingenabled": True,
    "additionalconfigenabled": False,
}


def list_fixed(cloud: Cloud, request: Request) -> Listing:
    """This will list what a scenario gives word for word, by name where that is asked for."""
    fixed = cloud.catalogue.fixed_lists[request.command]
    name = request.params.get("name")
    return Listing(fixed["key"], [row for row in fixed["rows"] if name in (None, row.get("name"))], dict)
