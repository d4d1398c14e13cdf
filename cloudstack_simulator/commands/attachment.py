"""This will attach volumes to VMs and detach them, in the record and in the running domain, which can come apart."""

from __future__ import annotations

from cloudstack_simulator.answers import JobError
from cloudstack_simulator.cloud import Cloud, Request, demand_access, may_touch
from cloudstack_simulator.commands.descriptions import describe_machine, describe_volume
from cloudstack_simulator.jobs import AsyncCommand
from cloudstack_simulator.records import AsyncJob, Json, Machine, Volume
from cloudstack_simulator.rendering import render_volume

NOT_ATTACHED = "The specified volume is not attached to a VM."
STILL_ATTACHED = "Please specify a volume that is not attached to any VM."
ROOT_NEEDS_STOPPED = "Root volume detach can happen only when vm is in states: Stopped or Destroyed"
CD_DEVICE = 3
# what the simulator hypervisor's failed answer becomes, as recorded
_MISCAST = (
    "class com.cloud.agent.api.Answer cannot be cast to class org.apache.cloudstack.storage.command.AttachAnswer "
    "(com.cloud.agent.api.Answer and org.apache.cloudstack.storage.command.AttachAnswer are in unnamed module of "
    "loader 'app')"
)


class DetachVolume(AsyncCommand):
    """This will take a volume off its VM.

    The VM is the one that holds the volume when the job is dispatched, the record that is cleared at the end is
    whatever the volume says then: a duplicate, queued behind other work, clears a newer attachment
    (apache/cloudstack#14214).
    """

    name = "detachVolume"
    admin_class = "org.apache.cloudstack.api.command.admin.volume.DetachVolumeCmdByAdmin"
    user_class = "org.apache.cloudstack.api.command.user.volume.DetachVolumeCmd"
    instance_type = "Volume"
    host_goes_on = True

    def accept(self, request: Request) -> str | None:
        """This will take any volume that exists: foreign ones are refused in the job."""
        if "id" not in request.params:
            demand_access(request.caller, self.cloud.machine(request, "virtualmachineid"))
            return None
        return self.cloud.volume(request, "id").id

    def check(self, job: AsyncJob) -> None:
        """This will refuse volumes that are not attached, and ROOT of a VM that is not stopped."""
        if "id" not in job.params:
            raise JobError(530, 'Cannot invoke "java.lang.Long.longValue()" because "volumeId" is null')
        volume = self.world.volumes[job.params["id"]]
        if not may_touch(self.world.account_named(job.account), volume):
            raise JobError(530, "Caller does not have permission to operate with provided resource.")
        if volume.vm_id is None:
            raise JobError(431, NOT_ATTACHED)
        machine = self.world.machines[volume.vm_id]
        if machine.state not in ("Running", "Stopped", "Destroyed"):
            raise JobError(431, "Please specify a VM that is either running or stopped.")
        if volume.device_id == 0 and machine.state != "Stopped":
            raise JobError(431, ROOT_NEEDS_STOPPED)
        if has_machine_snapshots(self.cloud, machine):
            raise JobError(431, "Unable to detach volume, please specify a VM that does not have VM snapshots")
        job.memo = {"vm_id": machine.id}

    def queue(self, job: AsyncJob) -> str | None:
        """This will queue behind the other jobs of the VM."""
        return str(job.memo["vm_id"])

    def finish(self, job: AsyncJob) -> Json:
        """This will take the disk out of the VM's domain and clear the volume's record."""
        self.host_finishes(job)
        volume = self.world.volumes[job.params["id"]]
        self.world.place(volume, None, None)
        volume.attached = None
        volume.type = "DATADISK"
        viewer = self.world.account_named(job.account)
        return {"volume": render_volume(self.cloud, volume, viewer=viewer, job_id=self.world.job_about(volume.id))}

    def host_finishes(self, job: AsyncJob) -> None:
        """This will take the disk out of the domain only."""
        self.cloud.hypervisor.let_go(job.memo["vm_id"], self.world.volumes[job.params["id"]])

    def failure_text(self, job: AsyncJob) -> str:
        """This will tell of a detach that the host did not carry out."""
        volume = self.world.volumes[job.params["id"]]
        machine = self.world.machines[job.memo["vm_id"]]
        return f"Failed to detach volume {volume.name} from VM {machine.name}; Simulated failure"


class AttachVolume(AsyncCommand):
    """This will give a volume to a VM, as ROOT when it becomes device 0."""

    name = "attachVolume"
    admin_class = "org.apache.cloudstack.api.command.admin.volume.AttachVolumeCmdByAdmin"
    user_class = "org.apache.cloudstack.api.command.user.volume.AttachVolumeCmd"
    instance_type = "Volume"
    host_goes_on = True

    def accept(self, request: Request) -> str | None:
        """This will refuse what the caller may not touch."""
        volume = self.cloud.volume(request, "id")
        machine = self.cloud.machine(request, "virtualmachineid")
        demand_access(request.caller, volume, machine)
        return volume.id

    def check(self, job: AsyncJob) -> None:
        """This will refuse what CloudStack refuses before it asks a host."""
        volume = self.world.volumes[job.params["id"]]
        machine = self.world.machines[job.params["virtualmachineid"]]
        refuse_attach(self.cloud, volume, machine, device=job.params.get("deviceid"))
        job.memo = {"vm_id": machine.id}

    def queue(self, job: AsyncJob) -> str | None:
        """This will queue behind the other jobs of the VM."""
        return str(job.memo["vm_id"])

    def begin(self, job: AsyncJob) -> None:
        """This will show the volume as Attaching."""
        volume = self.world.volumes[job.params["id"]]
        if volume.vm_id is not None:
            raise JobError(431, STILL_ATTACHED)
        if volume.state not in ("Allocated", "Ready"):
            raise JobError(431, "Volume state must be in Allocated, Ready or in Uploaded state")
        if self.world.machines[job.memo["vm_id"]].state not in ("Running", "Stopped"):
            raise JobError(431, "Please specify a VM that is either running or stopped.")
        job.memo = job.memo | {"was": volume.state}
        if volume.state == "Ready":
            volume.state = "Attaching"

    def finish(self, job: AsyncJob) -> Json:
        """This will write the attachment into the record and give the disk to a running domain."""
        volume = self.world.volumes[job.params["id"]]
        machine = self.world.machines[job.memo["vm_id"]]
        prepare_storage(self.cloud, volume, machine)
        device = free_device(self.cloud, machine, job.params.get("deviceid"))
        put_on(self.cloud, volume, machine, device)
        self.host_finishes(job)
        viewer = self.world.account_named(job.account)
        return {"volume": render_volume(self.cloud, volume, viewer=viewer, job_id=self.world.job_about(volume.id))}

    def undo(self, job: AsyncJob) -> None:
        """This will put Attaching back to Ready."""
        volume = self.world.volumes[job.params["id"]]
        if volume.state == "Attaching":
            volume.state = "Ready"

    def host_finishes(self, job: AsyncJob) -> None:
        """This will give the disk to the VM's domain, if it has one."""
        machine = self.world.machines[job.memo["vm_id"]]
        volume = self.world.volumes[job.params["id"]]
        if machine.running and not volume.removed:
            self.cloud.hypervisor.hold(machine, volume)

    def failure_text(self, job: AsyncJob) -> str:
        """This will tell of an attach that the host did not carry out."""
        volume = self.world.volumes[job.params["id"]]
        machine = self.world.machines[job.memo["vm_id"]]
        failed = f"Failed to attach volume {volume.name} to VM {machine.name}"
        return f"{failed}; Simulated failure" if self.cloud.is_kvm else f"{failed} due to: {_MISCAST}"


def has_machine_snapshots(cloud: Cloud, machine: Machine) -> bool:
    """This will tell whether VM snapshots forbid to move the disks of a VM."""
    return any(row.vm_id == machine.id and not row.removed for row in cloud.world.machine_snapshots.values())


def refuse_attach(cloud: Cloud, volume: Volume, machine: Machine, *, device: str | None) -> None:
    """This will raise what CloudStack says to an attach that it does not take on."""
    if volume.vm_id is not None:
        raise JobError(431, STILL_ATTACHED)
    if volume.state not in ("Allocated", "Ready"):
        raise JobError(431, "Volume state must be in Allocated, Ready or in Uploaded state")
    if machine.state not in ("Running", "Stopped"):
        raise JobError(431, "Please specify a VM that is either running or stopped.")
    attached = cloud.world.volumes_of(machine.id)
    if device == "0":
        if machine.state != "Stopped":
            raise JobError(431, ROOT_NEEDS_STOPPED)
        if any(row.device_id == 0 for row in attached):
            raise JobError(431, "Vm already has root volume attached to it")
    limit = cloud.catalogue.settings.max_data_disks
    if device != "0" and sum(row.device_id != 0 for row in attached) >= limit:
        raise JobError(
            431,
            f"The specified VM already has the maximum number of data disks ({limit}) attached. "
            "Please specify another VM.",
        )
    if has_machine_snapshots(cloud, machine):
        raise JobError(
            431,
            f"Unable to attach volume to VM {machine.id}/{machine.name}, "
            "please specify a VM that does not have VM snapshots",
        )
    if volume.account != machine.account:
        inner = describe_volume(volume).replace('"', '\\"')
        shown = f'VolumeObject {{"dataStore":null,"volumeVO":"{inner}"}}'
        raise JobError(530, f"Entity {describe_machine(machine)} and entity {shown} belong to different accounts")


def prepare_storage(cloud: Cloud, volume: Volume, machine: Machine) -> None:
    """This will create an Allocated volume on storage when its VM's root lies there already."""
    roots = [row for row in cloud.world.volumes_of(machine.id) if row.device_id == 0]
    if volume.state == "Allocated" and (machine.running or any(root.on_storage for root in roots)):
        create_on_storage(volume)


def create_on_storage(volume: Volume) -> None:
    """This will give an allocated volume its place on a pool."""
    volume.state, volume.on_storage, volume.hypervisor_known = "Ready", True, True
    volume.path = volume.path or volume.name


def free_device(cloud: Cloud, machine: Machine, wanted: str | None) -> int:
    """This will settle on which device a volume goes: the wanted one, or the lowest that is free."""
    used = {row.device_id: row for row in cloud.world.volumes_of(machine.id)}
    last = cloud.catalogue.settings.last_device
    if wanted is None:
        return next(number for number in range(1, last + 1) if number != CD_DEVICE and number not in used)
    device = int(wanted)
    if device < 0 or device == CD_DEVICE or device > last:
        raise JobError(530, f"deviceId should be 0,1,2,4-{last}")
    if device in used:
        raise JobError(
            530,
            f"deviceId {device} is used by vol {describe_volume(used[device], cloud)} "
            f"on vm {describe_machine(machine)}",
        )
    return device


def put_on(cloud: Cloud, volume: Volume, machine: Machine, device: int) -> None:
    """This will write into the record that a VM has a volume."""
    cloud.world.place(volume, machine.id, device)
    volume.type = "ROOT" if device == 0 else "DATADISK"
    volume.attached = cloud.now
    if volume.state == "Attaching":
        volume.state = "Ready"
