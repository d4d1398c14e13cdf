"""This will deploy VMs: refuse what CloudStack refuses, then allocate the record, its NICs and a placeholder ROOT."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from cloudstack_simulator.answers import ApiError, JobError, invalid_value
from cloudstack_simulator.catalogue import ServiceOffering, Template
from cloudstack_simulator.cloud import Cloud, Request, required
from cloudstack_simulator.commands.descriptions import describe_account, describe_network
from cloudstack_simulator.commands.limits import demand_room
from cloudstack_simulator.commands.machines import ADMIN_VM, USER_VM, MachineCommand, boot, refuse_start
from cloudstack_simulator.commands.volumes import chosen_id
from cloudstack_simulator.records import Account, AsyncJob, Json, Machine, Network, Nic, Volume

_HOST_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_DETAIL = re.compile(r"details\[\d+\]\.(.+)")
_WIRE = re.compile(r"iptonetworklist\[(\d+)\]\.(networkid|ip|mac)", re.IGNORECASE)
_MAC = re.compile(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
_SIZE_DETAILS = ("cpuNumber", "cpuSpeed", "memory")


@dataclass(frozen=True)
class Wire:
    """This will be one wanted network card."""

    network: Network
    mac: str | None = None
    ip: str | None = None


class DeployVirtualMachine(MachineCommand):
    """This will create a VM, stopped or started."""

    name = "deployVirtualMachine"
    admin_class = f"{ADMIN_VM}.DeployVMCmdByAdmin"
    user_class = f"{USER_VM}.DeployVMCmd"
    creates = True

    def accept(self, request: Request) -> str | None:
        """This will allocate the VM with its NICs and ROOT, which stay even if the job is refused."""
        offering, template = self._offering(request), self._template(request)
        name = self._name(request)
        details = {match[1]: text for key, text in request.params.items() if (match := _DETAIL.fullmatch(key))}
        boot_type, boot_mode = _firmware(request)
        wires = self._wires(request)
        cpu, speed, memory = _size(offering, details)
        self._demand_room(request.caller, template, cpu, memory)
        self._refuse_taken_name(name, wires)
        _refuse_macs(self.cloud, wires)
        number = self.world.number("machine")
        machine = Machine(
            id=chosen_id(self.cloud, request),
            number=number,
            name=name or f"VM-{self.world.fresh_id()}",
            display_name=request.params.get("displayname") or name,
            account=request.caller.name,
            state="Stopped",
            offering_id=offering.id,
            template_id=template.id,
            os_type_id=template.os_type_id,
            cpu=cpu,
            cpu_speed=speed,
            memory=memory,
            created=self.cloud.now,
            details=details,
            inner_details={"deployvm": "true"} | ({"UEFI": boot_mode} if boot_type == "UEFI" and boot_mode else {}),
            boot_type=boot_type,
            boot_mode=boot_mode,
        )
        self._allocate(machine, template, wires)
        return machine.id

    def _offering(self, request: Request) -> ServiceOffering:
        _known(request, "zoneid", {self.cloud.catalogue.zone_id})
        key = _known(request, "serviceofferingid", self.cloud.catalogue.service_offerings)
        return self.cloud.catalogue.service_offerings[key]

    def _template(self, request: Request) -> Template:
        if "volumeid" in request.params or "snapshotid" in request.params:
            raise ApiError(
                431, "Deployment of virtual machine is supported only for Zone-wide storage pools", inner=4350
            )
        return self.cloud.catalogue.templates[_known(request, "templateid", self.cloud.catalogue.templates)]

    def _name(self, request: Request) -> str:
        name = request.params.get("name", "")
        if name and not _HOST_NAME.fullmatch(name):
            raise ApiError(
                431,
                "Unable to execute API command deployvirtualmachine due to invalid value. Invalid value provided for "
                "API arg: name - it can contain ASCII letters 'a' through 'z', the digits '0' through '9', and the "
                "hyphen ('-'), must be between 1 and 63 characters long, and can't start or end with \"-\" and can't "
                "start with digit",
            )
        return name

    def _wires(self, request: Request) -> list[Wire]:
        asked: dict[int, dict[str, str]] = {}
        for key, text in request.params.items():
            if match := _WIRE.fullmatch(key):
                asked.setdefault(int(match[1]), {})[match[2].lower()] = text
        ids = request.ids("networkids")
        if ids and asked:
            raise ApiError(431, "ipToNetworkMap can't be specified along with networkIds or ipAddress", inner=4350)
        wires = [Wire(self._network(request, "networkids", key)) for key in ids]
        for _, fields in sorted(asked.items()):
            network = self._network(request, "iptonetworklist", fields.get("networkid", ""))
            wires.append(Wire(network, fields.get("mac"), fields.get("ip")))
        return wires or [Wire(self._default_network(request.caller))]

    def _network(self, request: Request, parameter: str, key: str) -> Network:
        network = self.world.networks.get(key)
        if network is None:
            raise invalid_value(request.command, parameter, key)
        if network.account != request.caller.name:
            raise ApiError(531, f"Unable to use network with id= {key}, permission denied", inner=4365)
        return network

    def _default_network(self, caller: Account) -> Network:
        networks = self.world.networks.values()
        isolated = [row for row in networks if row.account == caller.name and row.type == "Isolated"]
        if len(isolated) != 1:
            raise ApiError(
                431,
                f"More than 1 default Isolated networks are found for account Account [{describe_account(caller)}]; "
                "please specify networkIds",
                inner=4350,
            )
        return isolated[0]

    def _demand_room(self, caller: Account, template: Template, cpu: int, memory: int) -> None:
        wanted = {"user_vm": 1, "cpu": cpu, "memory": memory, "volume": 1, "primary_storage": template.size}
        for resource, amount in wanted.items():
            demand_room(self.cloud, caller, resource, amount, inner=9999)

    def _refuse_taken_name(self, name: str, wires: list[Wire]) -> None:
        wired = {wire.network.id for wire in wires if wire.network.type == "Isolated"}
        for other in self.world.machines.named(name) if name else ():
            shared = [nic.network_id for nic in other.nics if nic.network_id in wired]
            if shared and not other.removed and other.state != "Error":
                owner_id = self.world.account_named(other.account).number
                domain = f"cs{owner_id}{self.cloud.catalogue.settings.network_domain}"
                network = self.world.networks[shared[0]].name
                raise ApiError(
                    431,
                    f"The vm with hostName {name} already exists in the network domain: {domain}; network={network}",
                    inner=4350,
                )

    def _allocate(self, machine: Machine, template: Template, wires: list[Wire]) -> None:
        try:
            machine.nics = [_wire_up(self.cloud, wire) for wire in wires]
        except ApiError:
            # CloudStack leaves the VM behind in state Error, without disks, until its sweep takes it
            machine.state, machine.updated = "Error", self.cloud.now
            self.world.add(machine)
            self.cloud.wake(self.cloud.now + self.cloud.catalogue.settings.error_sweep_seconds, "expunge", machine.id)
            raise
        self.world.add(machine)
        root = Volume(
            id=self.world.fresh_id(),
            number=self.world.number("volume"),
            name=f"ROOT-{machine.number}",
            account=machine.account,
            type="ROOT",
            state="Allocated",
            size=template.size,
            created=self.cloud.now,
            template_id=template.id,
            offering_id=machine.offering_id,
            content=[f"template:{template.id}"],
        )
        self.world.add(root)
        self.world.place(root, machine.id, 0)

    def _starts(self, job: AsyncJob) -> bool:
        return job.params.get("startvm", "true").lower() == "true"

    def queue(self, job: AsyncJob) -> str | None:
        """This will queue like other work on the VM, which nobody else knows yet."""
        return job.instance_id

    def begin(self, job: AsyncJob) -> None:
        """This will show the VM as Starting when it is to be started; one that cannot start ends as Error."""
        if not self._starts(job):
            return
        machine = self.machine(job)
        try:
            refuse_start(self.cloud, machine)
        except JobError:
            self._spoil(machine)
            raise
        machine.state = "Starting"

    def _spoil(self, machine: Machine) -> None:
        for volume in self.world.volumes_of(machine.id):
            self.cloud.hypervisor.wipe(volume, command=self.name)
        machine.state, machine.updated = "Error", self.cloud.now
        self.cloud.wake(self.cloud.now + self.cloud.catalogue.settings.error_sweep_seconds, "expunge", machine.id)

    def finish(self, job: AsyncJob) -> Json:
        """This will start the VM when that was asked for; a stopped one was complete from the call on."""
        if self._starts(job):
            boot(self.cloud, self.machine(job))
        return self.shown(job)

    def undo(self, job: AsyncJob) -> None:
        """This will put Starting back to Stopped."""
        machine = self.machine(job)
        if machine.state == "Starting":
            machine.state = "Stopped"


def _known(request: Request, name: str, known: object) -> str:
    key = required(request, name)
    if key not in known:  # type: ignore[operator]
        raise invalid_value(request.command, name, key)
    return key


def _firmware(request: Request) -> tuple[str | None, str | None]:
    boot_type, boot_mode = request.params.get("boottype"), request.params.get("bootmode")
    if boot_type is None:
        return None, None
    if boot_type.upper() == "UEFI" and boot_mode is None:
        raise ApiError(
            431,
            "bootmode must be specified for the VM with boot type: UEFI. Valid values are: [LEGACY, SECURE]",
            inner=4350,
        )
    if boot_mode is None:
        raise ApiError(
            530,
            'Cannot invoke "org.apache.cloudstack.api.ApiConstants$BootMode.toString()" because the return value of '
            '"org.apache.cloudstack.api.command.user.vm.BaseDeployVMCmd.getBootMode()" is null',
        )
    if boot_type.upper() not in ("BIOS", "UEFI") or boot_mode.upper() not in ("LEGACY", "SECURE"):
        raise ApiError(431, f"Invalid boot type {boot_type} or boot mode {boot_mode}", inner=4350)
    return boot_type.upper(), boot_mode.upper()


def _size(offering: ServiceOffering, details: dict[str, str]) -> tuple[int, int, int]:
    given = {name: text for name, text in details.items() if name in _SIZE_DETAILS}
    if not offering.custom:
        if given:
            raise ApiError(
                431,
                "cpuNumber or cpuSpeed or memory should not be specified for static service offering",
                inner=4350,
            )
        return offering.cpu or 1, offering.cpu_speed or 0, offering.memory or 512
    needed = ["cpuNumber", "memory"] + ([] if offering.cpu_speed else ["cpuSpeed"])
    if any(name not in given for name in needed):
        raise ApiError(
            431,
            "Need to specify custom parameter values cpu, cpu speed and memory when using custom offering",
            inner=4350,
        )
    if offering.cpu_speed and "cpuSpeed" in given:
        raise ApiError(431, "The cpu speed of this offering is not customizable", inner=4350)
    cpu, memory = int(given["cpuNumber"]), int(given["memory"])
    _within("cpu cores", cpu, offering.min_cpu, offering.max_cpu)
    _within("memory", memory, offering.min_memory, offering.max_memory)
    return cpu, offering.cpu_speed or int(given["cpuSpeed"]), memory


def _within(what: str, value: int, low: int | None, high: int | None) -> None:
    if value < (low or 0) or (high is not None and value > high):
        raise ApiError(431, f"Invalid {what} value, specify a value between {low} and {high}", inner=4350)


def _refuse_macs(cloud: Cloud, wires: list[Wire]) -> None:
    for wire in wires:
        if wire.mac is None:
            continue
        if not _MAC.fullmatch(wire.mac):
            raise ApiError(431, f"Mac address is not valid: {wire.mac}", inner=4350)
        if int(wire.mac[:2], 16) & 1:
            raise ApiError(431, f"Mac address is not unicast: {wire.mac}", inner=4350)
        if cloud.world.mac_is_taken(wire.mac.lower()):
            raise ApiError(431, f"The requested Mac address is already taken! {wire.mac}", inner=4350)


def _wire_up(cloud: Cloud, wire: Wire) -> Nic:
    """This will give a network card its MAC and, where the network has addresses, its IP."""
    world, network = cloud.world, wire.network
    number = world.number("mac")
    mac = (
        wire.mac.lower()
        if wire.mac
        else f"02:01:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    )
    ip = None
    if network.cidr:
        ip = wire.ip or _free_ip(cloud, network)
        block = ipaddress.ip_network(network.cidr)
        if ipaddress.ip_address(ip) not in block or world.ip_is_taken(network.id, ip) or ip == network.gateway:
            raise ApiError(530, f"Unable to acquire Guest IP address for network {describe_network(network)}", inner=0)
    world.take_addresses(network.id, mac=mac, ip=ip)
    return Nic(world.fresh_id(), network.id, mac, ip, plugged=network.state == "Implemented")


def _free_ip(cloud: Cloud, network: Network) -> str:
    block = ipaddress.ip_network(network.cidr)
    span = block.num_addresses - 3
    for _ in range(span):
        candidate = str(block[2 + cloud.world.number(f"ip:{network.id}") % span])
        if candidate != network.gateway and not cloud.world.ip_is_taken(network.id, candidate):
            return candidate
    raise ApiError(533, f"Insufficient address capacity in {describe_network(network)}", inner=4535)
