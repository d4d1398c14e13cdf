"""This will create, change, delete and recover volumes."""

from __future__ import annotations

from cloudstack_simulator.answers import ApiError, JobError, invalid_value
from cloudstack_simulator.cloud import Cloud, Request, demand_access, required
from cloudstack_simulator.commands.attachment import (
    STILL_ATTACHED,
    free_device,
    put_on,
    refuse_attach,
)
from cloudstack_simulator.commands.limits import demand_room
from cloudstack_simulator.jobs import AsyncCommand
from cloudstack_simulator.records import AsyncJob, Json, Volume
from cloudstack_simulator.rendering import render_volume
from cloudstack_simulator.world import living

ADMIN_VOLUME = "org.apache.cloudstack.api.command.admin.volume"
USER_VOLUME = "org.apache.cloudstack.api.command.user.volume"
GIGABYTE = 1 << 30


class VolumeCommand(AsyncCommand):
    """This will be a command on one volume."""

    instance_type = "Volume"

    def accept(self, request: Request) -> str | None:
        """This will refuse what the caller may not touch."""
        volume = self.cloud.volume(request, "id")
        demand_access(request.caller, volume)
        return volume.id

    def volume(self, job: AsyncJob) -> Volume:
        """This will find the volume that the job is about."""
        return self.world.volumes[job.instance_id or ""]

    def shown(self, job: AsyncJob) -> Json:
        """This will render the volume for the job's result."""
        viewer = self.world.account_named(job.account)
        volume = render_volume(self.cloud, self.volume(job), viewer=viewer, job_id=job.id, fresh=self.creates)
        return {"volume": volume}


class CreateVolume(VolumeCommand):
    """This will create an empty volume by a disk offering, or a copy of what a snapshot holds."""

    name = "createVolume"
    admin_class = f"{ADMIN_VOLUME}.CreateVolumeCmdByAdmin"
    user_class = f"{USER_VOLUME}.CreateVolumeCmd"
    creates = True

    def accept(self, request: Request) -> str | None:
        """This will allocate the volume, which stays even if the job is refused."""
        size, snapshot_id, offering_id = self._origin(request)
        demand_room(self.cloud, request.caller, "volume", 1)
        demand_room(self.cloud, request.caller, "primary_storage", size)
        world = self.world
        volume = Volume(
            id=chosen_id(self.cloud, request),
            number=world.number("volume"),
            name=request.params.get("name", ""),
            account=request.caller.name,
            type="DATADISK",
            state="Creating" if snapshot_id else "Allocated",
            size=size,
            created=self.cloud.now,
            disk_offering_id=offering_id,
            snapshot_id=snapshot_id,
        )
        world.add(volume)
        return volume.id

    def _origin(self, request: Request) -> tuple[int, str | None, str | None]:
        if "snapshotid" not in request.params:
            key = required(request, "diskofferingid")
            offering = self.cloud.catalogue.disk_offerings.get(key)
            if offering is None:
                raise invalid_value(request.command, "diskofferingid", key)
            gigabytes = int(request.params.get("size", "1")) if offering.custom else offering.size_gb
            return gigabytes * GIGABYTE, None, offering.id
        snapshot = self.cloud.snapshot(request, "snapshotid")
        demand_access(request.caller, snapshot)
        if "diskofferingid" in request.params:
            raise ApiError(
                431,
                "Disk Offering ID cannot be passed whilst creating volume from snapshot other than ROOT disk snapshots",
                inner=4350,
            )
        if snapshot.removed or snapshot.state != "BackedUp":
            raise ApiError(
                431,
                f"Snapshot id={snapshot.id} is not in BackedUp state yet and can't be used for volume creation",
                inner=4350,
            )
        parent = self.world.volumes[snapshot.volume_id]
        return snapshot.size, snapshot.id, parent.disk_offering_id

    def check(self, job: AsyncJob) -> None:
        """This will refuse to attach the copy where no volume can be attached."""
        if "virtualmachineid" in job.params:
            machine = self.world.machines.get(job.params["virtualmachineid"])
            if machine is None or machine.removed:
                raise JobError(431, "Unable to find the VM that the volume is to be attached to")
            job.memo = {"vm_id": machine.id}

    def queue(self, job: AsyncJob) -> str | None:
        """This will queue behind a VM's jobs only when the copy is to be attached to it."""
        return job.memo.get("vm_id")

    def finish(self, job: AsyncJob) -> Json:
        """This will fill the volume with what the snapshot holds, and attach it where that was asked for."""
        volume = self.volume(job)
        if volume.snapshot_id is not None:
            snapshot = self.world.snapshots[volume.snapshot_id]
            volume.content, volume.torn = list(snapshot.content), snapshot.torn
            volume.state, volume.on_storage, volume.hypervisor_known = "Ready", True, True
            volume.path = volume.name
        if "vm_id" in job.memo:
            machine = self.world.machines[job.memo["vm_id"]]
            refuse_attach(self.cloud, volume, machine, device=None)
            put_on(self.cloud, volume, machine, free_device(self.cloud, machine, None))
            if machine.running:
                self.cloud.hypervisor.hold(machine, volume)
        return self.shown(job)

    def host_finishes(self, job: AsyncJob) -> None:
        """This will leave nothing: what a host writes after a failed creation has no record."""

    def undo(self, job: AsyncJob) -> None:
        """This will remove a copy that was not finished."""
        volume = self.volume(job)
        if volume.state == "Creating":
            volume.removed = True


class UpdateVolume(VolumeCommand):
    """This will change a volume's name or protection."""

    name = "updateVolume"
    admin_class = f"{ADMIN_VOLUME}.UpdateVolumeCmdByAdmin"
    user_class = f"{USER_VOLUME}.UpdateVolumeCmd"
    factor = 0.1

    def finish(self, job: AsyncJob) -> Json:
        """This will write the changes into the record."""
        volume = self.volume(job)
        if "deleteprotection" in job.params:
            volume.delete_protection = job.params["deleteprotection"].lower() == "true"
        if "name" in job.params:
            self.world.volumes.rename(volume, job.params["name"])
        return self.shown(job)


class DestroyVolume(VolumeCommand):
    """This will throw a volume away: recoverable for a while, or at once and for good."""

    name = "destroyVolume"
    admin_class = f"{ADMIN_VOLUME}.DestroyVolumeCmdByAdmin"
    user_class = f"{USER_VOLUME}.DestroyVolumeCmd"

    def check(self, job: AsyncJob) -> None:
        """This will refuse attached, protected and never-created volumes."""
        try:
            refuse_delete(self.cloud, self.volume(job))
        except ApiError as error:
            raise JobError(error.status, error.text) from error
        if self.volume(job).state == "Allocated" and not self._for_good(job):
            raise JobError(431, "Volume in Allocated state can only be destroyed with expunge")

    def _for_good(self, job: AsyncJob) -> bool:
        return job.params.get("expunge", "").lower() == "true"

    def finish(self, job: AsyncJob) -> Json:
        """This will destroy the volume."""
        volume = self.volume(job)
        shown = self.shown(job)
        if self._for_good(job):
            self.cloud.hypervisor.wipe(volume, command=self.name)
            return shown
        volume.state = "Destroy"
        return self.shown(job)


def chosen_id(cloud: Cloud, request: Request) -> str:
    """This will give a new entity the id that a root admin chose for it, or a fresh one."""
    chosen = request.params.get("customid")
    if chosen is None:
        return cloud.world.fresh_id()
    if not request.caller.root_admin:
        raise ApiError(531, "Please check your permissions, you are not allowed to create/update custom id", inner=4365)
    if chosen in cloud.world.machines or chosen in cloud.world.volumes:
        raise ApiError(431, f"UUID: {chosen} already exists so can't create/update with custom id", inner=4350)
    return chosen


def refuse_delete(cloud: Cloud, volume: Volume) -> None:
    """This will raise what CloudStack says to the deletion of a volume that is in use."""
    if volume.vm_id is not None:
        raise ApiError(431, STILL_ATTACHED, inner=4350)
    if volume.delete_protection:
        raise ApiError(
            431,
            f"Volume [id = {volume.id}, name = {volume.name}] has delete protection enabled and cannot be deleted.",
            inner=4350,
        )
    if volume.state in ("Attaching", "Creating", "RevertSnapshotting"):
        raise ApiError(431, f"Volume {volume.id} is {volume.state}, unable to delete it", inner=4350)
    under_way = ("Creating", "CreatedOnPrimary", "BackingUp")
    if any(row.state in under_way for row in living(cloud.world.snapshots_of(volume.id))):
        raise ApiError(431, "There are snapshot operations in progress on the volume, unable to delete it", inner=4350)


def delete_volume(cloud: Cloud, request: Request) -> Json:
    """This will delete a volume at once and for good; synchronous."""
    volume = cloud.volume(request, "id")
    demand_access(request.caller, volume)
    refuse_delete(cloud, volume)
    cloud.hypervisor.wipe(volume, command="deleteVolume")
    return {"success": True}


def recover_volume(cloud: Cloud, request: Request) -> Json:
    """This will bring a destroyed volume back as Ready; synchronous."""
    volume = cloud.volume(request, "id")
    demand_access(request.caller, volume)
    if volume.state != "Destroy":
        raise ApiError(431, "Please specify a volume in Destroy state.", inner=4350)
    volume.state = "Ready"
    return {"volume": render_volume(cloud, volume, viewer=request.caller)}
