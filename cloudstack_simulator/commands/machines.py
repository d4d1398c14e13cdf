"""This will start, stop, destroy, expunge, recover and change VMs."""

from __future__ import annotations

from dataclasses import replace

from cloudstack_simulator.answers import ApiError, JobError, invalid_value
from cloudstack_simulator.cloud import Cloud, Request, demand_access, required
from cloudstack_simulator.commands.attachment import create_on_storage
from cloudstack_simulator.commands.descriptions import describe_machine
from cloudstack_simulator.jobs import AsyncCommand
from cloudstack_simulator.records import Account, AsyncJob, Json, Machine, Timer
from cloudstack_simulator.rendering import render_gone_machine, render_machine

ADMIN_VM = "org.apache.cloudstack.api.command.admin.vm"
USER_VM = "org.apache.cloudstack.api.command.user.vm"


class MachineCommand(AsyncCommand):
    """This will be a command on one VM, queued behind that VM's other jobs."""

    instance_type = "VirtualMachine"

    def accept(self, request: Request) -> str | None:
        """This will refuse what the caller may not touch."""
        machine = self.cloud.machine(request, "id")
        demand_access(request.caller, machine)
        return machine.id

    def queue(self, job: AsyncJob) -> str | None:
        """This will queue behind the other jobs of the VM."""
        return job.instance_id

    def machine(self, job: AsyncJob) -> Machine:
        """This will find the VM that the job is about."""
        return self.world.machines[job.instance_id or ""]

    def host_finishes(self, job: AsyncJob) -> None:
        """This will carry the command out late, unless the VM is gone; the record follows what the host reports."""
        if self.machine(job).removed:
            raise JobError(530, f"{self.name}: the VM is gone")
        self.finish(job)

    def shown(self, job: AsyncJob) -> Json:
        """This will render the VM for the job's result."""
        viewer = self.world.account_named(job.account)
        return {"virtualmachine": render_machine(self.cloud, self.machine(job), viewer=viewer, job_id=job.id)}


class StartVirtualMachine(MachineCommand):
    """This will start a VM: a domain with the disks of the record, to each of which the guest writes."""

    name = "startVirtualMachine"
    admin_class = f"{ADMIN_VM}.StartVMCmdByAdmin"
    user_class = f"{USER_VM}.StartVMCmd"

    def check(self, job: AsyncJob) -> None:
        """This will refuse a VM that runs already or that is gone."""
        machine = self.machine(job)
        if machine.state == "Running":
            raise JobError(431, f"The virtual machine {machine.id} ({machine.name}) is already running")
        if machine.state in ("Destroyed", "Error"):
            raise JobError(530, f"Unable to start {describe_machine(machine)} in state {machine.state}")

    def begin(self, job: AsyncJob) -> None:
        """This will show the VM as Starting, if it can start at all."""
        machine = self.machine(job)
        if machine.state != "Stopped":
            raise JobError(530, f"Unable to start {describe_machine(machine)} in state {machine.state}")
        refuse_start(self.cloud, machine)
        machine.state, machine.updated = "Starting", self.cloud.now
        self._show_root_as_creating(job, machine)

    def _show_root_as_creating(self, job: AsyncJob, machine: Machine) -> None:
        for volume in self.world.volumes_of(machine.id):
            if volume.state == "Allocated":
                volume.state, volume.on_storage = "Creating", True
                job.memo = job.memo | {"creating": [*job.memo.get("creating", ()), volume.id]}

    def host_finishes(self, job: AsyncJob) -> None:
        """This will boot the VM late, if it still can."""
        machine = self.machine(job)
        if machine.removed or machine.state != "Stopped":
            raise JobError(530, f"{self.name}: the VM is {machine.state}")
        refuse_start(self.cloud, machine)
        self.finish(job)

    def finish(self, job: AsyncJob) -> Json:
        """This will boot the VM."""
        boot(self.cloud, self.machine(job))
        return self.shown(job)

    def undo(self, job: AsyncJob) -> None:
        """This will put Starting back to Stopped, and volumes that were not yet made back to Allocated."""
        machine = self.machine(job)
        if machine.state == "Starting":
            machine.state = "Stopped"
        for volume_id in job.memo.get("creating", ()):
            volume = self.world.volumes[volume_id]
            volume.state, volume.on_storage = "Allocated", False

    def after_restart(self, job: AsyncJob) -> None:
        """This will put the VM back only: a ROOT in its making stays Creating for ever, as recorded."""
        machine = self.machine(job)
        if machine.state == "Starting":
            machine.state, machine.host_lingers = "Stopped", True

    def failure_text(self, job: AsyncJob) -> str:
        """This will tell of a start that the host did not carry out."""
        return f"Unable to start a VM [{self.machine(job).id}] due to insufficient capacity; Simulated failure"


class StopVirtualMachine(MachineCommand):
    """This will stop a VM; a stopped one stays stopped, which counts as success."""

    name = "stopVirtualMachine"
    admin_class = f"{ADMIN_VM}.StopVMCmdByAdmin"
    user_class = f"{USER_VM}.StopVMCmd"

    def begin(self, job: AsyncJob) -> None:
        """This will show a running VM as Stopping."""
        machine = self.machine(job)
        if machine.state == "Running":
            machine.state = "Stopping"

    def finish(self, job: AsyncJob) -> Json:
        """This will end the VM's domain."""
        halt(self.cloud, self.machine(job))
        return self.shown(job)

    def undo(self, job: AsyncJob) -> None:
        """This will put Stopping back to Running."""
        machine = self.machine(job)
        if machine.state == "Stopping":
            machine.state = "Running"


class DestroyVirtualMachine(MachineCommand):
    """This will destroy a VM: data disks are set free, ROOT stays with it and goes when it is expunged."""

    name = "destroyVirtualMachine"
    admin_class = f"{ADMIN_VM}.DestroyVMCmdByAdmin"
    user_class = f"{USER_VM}.DestroyVMCmd"

    def check(self, job: AsyncJob) -> None:
        """This will refuse protected VMs and callers who may not expunge."""
        machine = self.machine(job)
        account = self.world.account_named(job.account)
        if machine.delete_protection:
            raise JobError(
                431,
                f"Instance [id = {machine.id}, name = {machine.instance_name}] has delete protection enabled "
                "and cannot be deleted.",
            )
        if job.params.get("expunge", "").lower() == "true" and not may_expunge(self.cloud, account):
            raise JobError(530, "Account does not have permission for expunging.")
        attached = {row.id for row in self.world.volumes_of(machine.id) if row.type == "DATADISK"}
        wanted = [part for part in job.params.get("volumeids", "").split(",") if part]
        if not attached.issuperset(wanted):
            raise JobError(431, "The specified volumes are not data disks of the VM")

    def begin(self, job: AsyncJob) -> None:
        """This will show a running VM as Stopping."""
        machine = self.machine(job)
        if machine.state == "Running":
            machine.state = "Stopping"

    def finish(self, job: AsyncJob) -> Json:
        """This will stop the VM, set its data disks free, and expunge it when asked to."""
        machine = self.machine(job)
        if machine.running or machine.state in ("Running", "Stopping"):
            halt(self.cloud, machine)
        doomed = job.params.get("volumeids", "").split(",")
        for volume in self.world.volumes_of(machine.id):
            if volume.type == "DATADISK":
                self.world.place(volume, None, None)
                volume.attached = None
                if volume.id in doomed:
                    self.cloud.hypervisor.wipe(volume, command=self.name)
        machine.state, machine.updated = "Destroyed", self.cloud.now
        if job.params.get("expunge", "").lower() == "true":
            expunge(self.cloud, machine, command=self.name)
            return {"virtualmachine": render_gone_machine()}
        self.cloud.wake(self.cloud.now + self.cloud.catalogue.settings.expunge_delay_seconds, "expunge", machine.id)
        return self.shown(job)

    def undo(self, job: AsyncJob) -> None:
        """This will put Stopping back to Running."""
        machine = self.machine(job)
        if machine.state == "Stopping":
            machine.state = "Running"


class ExpungeVirtualMachine(MachineCommand):
    """This will remove a destroyed VM for good, and its ROOT volume with it."""

    name = "expungeVirtualMachine"
    admin_class = f"{ADMIN_VM}.ExpungeVMCmd"
    user_class = f"{ADMIN_VM}.ExpungeVMCmd"

    def check(self, job: AsyncJob) -> None:
        """This will refuse VMs that are not destroyed and callers who may not expunge."""
        if self.machine(job).state not in ("Destroyed", "Error"):
            raise JobError(530, "Please destroy vm with specified vmId before expunge")
        if not may_expunge(self.cloud, self.world.account_named(job.account)):
            raise JobError(530, "Account does not have permission for expunging.")

    def finish(self, job: AsyncJob) -> Json:
        """This will expunge the VM."""
        expunge(self.cloud, self.machine(job), command=self.name)
        return {"success": True}


class DeleteMachineSnapshot(AsyncCommand):
    """This will delete a VM snapshot."""

    name = "deleteVMSnapshot"
    admin_class = "org.apache.cloudstack.api.command.user.vmsnapshot.DeleteVMSnapshotCmd"
    user_class = admin_class
    instance_type = "VmSnapshot"

    def accept(self, request: Request) -> str | None:
        """This will refuse unknown VM snapshots."""
        key = required(request, "vmsnapshotid")
        if key not in self.world.machine_snapshots:
            raise invalid_value(request.command, "vmsnapshotid", key)
        return key

    def queue(self, job: AsyncJob) -> str | None:
        """This will queue behind the other jobs of the VM."""
        return self.world.machine_snapshots[job.instance_id or ""].vm_id

    def finish(self, job: AsyncJob) -> Json:
        """This will remove the VM snapshot."""
        self.world.machine_snapshots[job.instance_id or ""].removed = True
        return {"success": True}


def may_expunge(cloud: Cloud, account: Account) -> bool:
    """This will tell whether an account may expunge VMs (allow.user.expunge.recover.vm)."""
    return account.root_admin or cloud.catalogue.settings.user_may_expunge


def refuse_start(cloud: Cloud, machine: Machine) -> None:
    """This will raise what CloudStack says to a VM that cannot start."""
    volumes = cloud.world.volumes_of(machine.id)
    settings = cloud.catalogue.settings
    if not volumes:
        raise JobError(530, f"Unable to create deployment, no usable volumes found for the VM: {machine.id}")
    if all(volume.device_id != 0 for volume in volumes):
        raise JobError(530, "ROOT volume is missing, unable to prepare volumes for the VM")
    stuck = any(volume.state == "Creating" for volume in volumes)
    if stuck or machine.memory > settings.host_memory_mb:
        raise JobError(533, f"No destination found for a deployment for {describe_machine(machine)}")
    if machine.boot_type == "UEFI" and not settings.uefi_hosts:
        raise JobError(530, f"Unable to create a deployment for {describe_machine(machine)}: no host supports UEFI")


def boot(cloud: Cloud, machine: Machine) -> None:
    """This will turn the record of a VM into a running domain."""
    for volume in cloud.world.volumes_of(machine.id):
        if volume.state in ("Allocated", "Creating"):
            create_on_storage(volume)
    machine.nics = [replace(nic, plugged=True) for nic in machine.nics]
    for nic in machine.nics:
        network = cloud.world.networks[nic.network_id]
        if network.state == "Allocated":
            network.state = "Implemented"
            network.vlan = network.vlan or 100 + network.number % 900
    machine.state, machine.updated = "Running", cloud.now
    machine.inner_details, machine.host_lingers = {}, False
    cloud.hypervisor.boot(machine)


def halt(cloud: Cloud, machine: Machine) -> None:
    """This will end the domain of a VM and say so in its record."""
    if machine.state != "Stopped":
        machine.updated = cloud.now
        machine.nics = [replace(nic, plugged=False) for nic in machine.nics]
        machine.inner_details = {"Message.ReservedCapacityFreed.Flag": "false"}
    machine.state = "Stopped"
    cloud.hypervisor.halt(machine)


def expunge(cloud: Cloud, machine: Machine, *, command: str) -> None:
    """This will remove a VM with every volume that is still its own: that is what deletes a replica at device 0."""
    if machine.removed:
        return
    for volume in cloud.world.volumes_of(machine.id):
        cloud.hypervisor.wipe(volume, command=command)
    cloud.hypervisor.halt(machine)
    machine.state, machine.removed = "Expunging", True
    cloud.world.free_addresses(machine)
    _shut_down_networks(cloud, machine)


def _shut_down_networks(cloud: Cloud, machine: Machine) -> None:
    """This will give up the VLAN of every network that no running VM uses any more."""
    gone = {nic.network_id for nic in machine.nics}
    for other in cloud.world.machines.values():
        if other.running:
            gone -= {nic.network_id for nic in other.nics}
    for network_id in gone:
        network = cloud.world.networks[network_id]
        network.state = "Allocated" if network.state == "Implemented" else network.state


def sweep_expunge(cloud: Cloud, timer: Timer) -> None:
    """This will be the thread that expunges VMs some time after they were destroyed."""
    machine = cloud.world.machines[timer.subject]
    if machine.state in ("Destroyed", "Error"):
        expunge(cloud, machine, command="the expunge thread")


def recover_machine(cloud: Cloud, request: Request) -> Json:
    """This will bring a destroyed VM back as Stopped."""
    machine = cloud.machine(request, "id")
    demand_access(request.caller, machine)
    if machine.state != "Destroyed":
        raise ApiError(431, f"Unable to recover VM {machine.id} in state {machine.state}", inner=4350)
    machine.state = "Stopped"
    return {"virtualmachine": render_machine(cloud, machine, viewer=request.caller)}


def update_machine(cloud: Cloud, request: Request) -> Json:
    """This will change names, protection, OS type or details of a VM; details replace all that were shown."""
    machine = cloud.machine(request, "id")
    demand_access(request.caller, machine)
    params = request.params
    if "ostypeid" in params:
        if params["ostypeid"] not in cloud.catalogue.os_types:
            raise ApiError(431, f"Unable to find guest OS details for id: {params['ostypeid']}", inner=4350)
        if machine.state != "Stopped":
            raise ApiError(431, f"The VM should be stopped to change its OS type, it is {machine.state}", inner=4350)
        machine.os_type_id = params["ostypeid"]
    if "displayname" in params:
        machine.display_name = params["displayname"]
    if "name" in params:
        cloud.world.machines.rename(machine, params["name"])
    if "deleteprotection" in params:
        machine.delete_protection = request.flag("deleteprotection")
    details = {name[len("details[0].") :]: text for name, text in params.items() if name.startswith("details[0].")}
    if details:
        machine.details = details
    return {"virtualmachine": render_machine(cloud, machine, viewer=request.caller)}
