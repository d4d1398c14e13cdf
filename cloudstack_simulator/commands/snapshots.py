"""This will cut, delete and revert snapshots of volumes."""

from __future__ import annotations

from cloudstack_simulator.answers import ApiError, JobError
from cloudstack_simulator.cloud import Request, demand_access
from cloudstack_simulator.commands.attachment import has_machine_snapshots
from cloudstack_simulator.commands.descriptions import describe_snapshot, describe_volume
from cloudstack_simulator.commands.limits import demand_room
from cloudstack_simulator.commands.tags import tags_of
from cloudstack_simulator.jobs import AsyncCommand
from cloudstack_simulator.records import AsyncJob, Json, Machine, Snapshot, Volume
from cloudstack_simulator.rendering import render_snapshot

UNDER_WAY = ("Creating", "CreatedOnPrimary", "BackingUp")
_USER_SNAPSHOT = "org.apache.cloudstack.api.command.user.snapshot"


class SnapshotCommand(AsyncCommand):
    """This will be a command on one snapshot."""

    instance_type = "Snapshot"

    def accept(self, request: Request) -> str | None:
        """This will refuse what the caller may not touch."""
        snapshot = self.cloud.snapshot(request, "id")
        demand_access(request.caller, snapshot)
        return snapshot.id

    def snapshot(self, job: AsyncJob) -> Snapshot:
        """This will find the snapshot that the job is about."""
        return self.world.snapshots[job.instance_id or ""]

    def volume(self, job: AsyncJob) -> Volume:
        """This will find the volume that the snapshot was cut from."""
        return self.world.volumes[self.snapshot(job).volume_id]


class CreateSnapshot(SnapshotCommand):
    """This will cut a snapshot: behind the VM's other jobs when the volume is attached, at once when it is not."""

    name = "createSnapshot"
    admin_class = f"{_USER_SNAPSHOT}.CreateSnapshotCmd"
    user_class = f"{_USER_SNAPSHOT}.CreateSnapshotCmd"
    creates = True

    def accept(self, request: Request) -> str | None:
        """This will allocate the snapshot, which stays even if the job is refused."""
        volume = self.cloud.volume(request, "volumeid")
        demand_access(request.caller, volume)
        machine = self.world.machines.get(volume.vm_id or "")
        self._refuse(volume, machine)
        demand_room(self.cloud, request.caller, "snapshot", 1)
        demand_room(self.cloud, request.caller, "secondary_storage", volume.size)
        snapshot = Snapshot(
            id=self.world.fresh_id(),
            number=self.world.number("snapshot"),
            name=request.params.get("name", f"{volume.name}_{int(self.cloud.now)}"),
            volume_id=volume.id,
            account=volume.account,
            state="Allocated",
            size=volume.size,
            created=self.cloud.now,
            tags=tags_of(request.params),
        )
        self.world.add(snapshot)
        return snapshot.id

    def _refuse(self, volume: Volume, machine: Machine | None) -> None:
        if volume.state != "Ready":
            raise ApiError(
                431,
                f"Volume: {describe_volume(volume, self.cloud)} is not in Ready state but {volume.state}. "
                "Cannot take snapshot.",
                inner=4350,
            )
        if machine is None or not self.cloud.is_kvm:
            return
        if not self.cloud.catalogue.settings.kvm_snapshot_enabled and machine.state not in ("Stopped", "Destroyed"):
            raise ApiError(
                530,
                "KVM Snapshot is not supported for Running VMs. It is disabled by default due to a possible volume "
                "corruption in certain cases. To enable it set global settings kvm.snapshot.enabled to True. See the "
                "documentation for more details.",
                inner=4250,
            )
        for other in self.world.volumes_of(machine.id):
            if any(row.state in UNDER_WAY for row in self.world.snapshots_of(other.id)):
                raise ApiError(
                    431,
                    "There is other active snapshot tasks on the instance to which the volume is attached, "
                    "please try again later",
                    inner=4350,
                )

    def check(self, job: AsyncJob) -> None:
        """This will note whether the volume is attached now: that decides what the job's result will say."""
        job.memo = {"vm_id": self.volume(job).vm_id}

    def queue(self, job: AsyncJob) -> str | None:
        """This will queue behind the jobs of the VM that has the volume, if any."""
        vm_id: str | None = job.memo["vm_id"]
        return vm_id

    def begin(self, job: AsyncJob) -> None:
        """This will cut the snapshot and show snapshot and volume as under way."""
        snapshot, volume = self.snapshot(job), self.volume(job)
        if volume.removed or volume.state != "Ready":
            raise JobError(530, f"Unable to create snapshot {describe_snapshot(snapshot, volume)}")
        self.cloud.hypervisor.cut(snapshot, volume)
        snapshot.state, volume.state = "Creating", "Snapshotting"

    def halfway(self, job: AsyncJob) -> None:
        """This will show the copy to secondary storage, during which the volume is free again."""
        snapshot, volume = self.snapshot(job), self.volume(job)
        if snapshot.state == "Creating":
            snapshot.state = "BackingUp"
        if volume.state == "Snapshotting":
            volume.state = "Ready"

    def finish(self, job: AsyncJob) -> Json:
        """This will complete the snapshot; the result of a detached volume's still says Allocated, as recorded."""
        snapshot, volume = self.snapshot(job), self.volume(job)
        snapshot.state = "BackedUp"
        if volume.state == "Snapshotting":
            volume.state = "Ready"
        shown = render_snapshot(self.cloud, snapshot, job=True)
        if job.memo["vm_id"] is None:
            shown["state"] = "Allocated"
        return {"snapshot": shown}

    def undo(self, job: AsyncJob) -> None:
        """This will show the snapshot as failed and the volume as free."""
        snapshot, volume = self.snapshot(job), self.volume(job)
        if snapshot.state != "Allocated":
            snapshot.state = "Error"
        if volume.state == "Snapshotting":
            volume.state = "Ready"

    def host_finishes(self, job: AsyncJob) -> None:
        """This will complete late what was shown as failed, unless it was deleted meanwhile."""
        snapshot = self.snapshot(job)
        if not snapshot.removed:
            snapshot.state = "BackedUp"

    def after_restart(self, job: AsyncJob) -> None:
        """This will clean up as a restart does: what was not begun goes at once, what failed a little later."""
        self.undo(job)
        snapshot = self.snapshot(job)
        if snapshot.state == "Allocated":
            snapshot.removed = True
        else:
            delay = self.cloud.catalogue.settings.error_sweep_seconds
            self.cloud.wake(self.cloud.now + delay, "snapshot", snapshot.id)

    def failure_text(self, job: AsyncJob) -> str:
        """This will tell of a snapshot that the host did not cut."""
        return f"Failed to create snapshot due to an internal error creating snapshot for volume {self.volume(job).id}"


class DeleteSnapshot(SnapshotCommand):
    """This will delete a snapshot."""

    name = "deleteSnapshot"
    admin_class = f"{_USER_SNAPSHOT}.DeleteSnapshotCmd"
    user_class = f"{_USER_SNAPSHOT}.DeleteSnapshotCmd"

    def check(self, job: AsyncJob) -> None:
        """This will refuse what is deleted already."""
        snapshot = self.snapshot(job)
        if snapshot.removed:
            raise JobError(431, f"Snapshot [{describe_snapshot(snapshot, self.volume(job))}] is already destroyed")

    def finish(self, job: AsyncJob) -> Json:
        """This will remove the snapshot."""
        snapshot = self.snapshot(job)
        snapshot.state, snapshot.removed = "Destroyed", True
        return {"success": True}


class RevertSnapshot(SnapshotCommand):
    """This will bring a volume back to what its snapshot holds, where the storage can."""

    name = "revertSnapshot"
    host_goes_on = True
    admin_class = f"{_USER_SNAPSHOT}.RevertSnapshotCmd"
    user_class = f"{_USER_SNAPSHOT}.RevertSnapshotCmd"

    def check(self, job: AsyncJob) -> None:
        """This will refuse volumes of running VMs, busy volumes and unfinished snapshots."""
        snapshot, volume = self.snapshot(job), self.volume(job)
        machine = self.world.machines.get(volume.vm_id or "")
        if machine is not None and machine.state != "Stopped":
            raise JobError(431, "The VM the specified disk is attached to is not in the shutdown state.")
        if machine is not None and has_machine_snapshots(self.cloud, machine):
            raise JobError(
                431,
                "Unable to revert snapshot for VM, please remove VM snapshots before reverting VM from snapshot",
            )
        if snapshot.removed or volume.removed or snapshot.state != "BackedUp" or volume.state != "Ready":
            raise JobError(
                431, f"Unable to revert {describe_snapshot(snapshot, volume)}: it or its volume is not ready"
            )

    def queue(self, job: AsyncJob) -> str | None:
        """This will queue behind the jobs of the VM that has the volume, if any."""
        return self.volume(job).vm_id

    def begin(self, job: AsyncJob) -> None:
        """This will show the volume as being reverted, or tell that the storage cannot revert."""
        snapshot, volume = self.snapshot(job), self.volume(job)
        if not self.cloud.is_kvm:
            raise JobError(
                530,
                f"Revert snapshot command failed for snapshot {describe_snapshot(snapshot, volume)}, "
                "because this command is supported only for KVM hypervisor",
            )
        volume.state = "RevertSnapshotting"

    def finish(self, job: AsyncJob) -> Json:
        """This will bring the content back."""
        snapshot, volume = self.snapshot(job), self.volume(job)
        self.host_finishes(job)
        volume.state = "Ready"
        return {"snapshot": render_snapshot(self.cloud, snapshot, job=True)}

    def host_finishes(self, job: AsyncJob) -> None:
        """This will bring the content back, whatever the record says by then."""
        volume = self.volume(job)
        if not volume.removed:
            self.cloud.hypervisor.revert(self.snapshot(job), volume)

    def undo(self, job: AsyncJob) -> None:
        """This will show the volume as free."""
        volume = self.volume(job)
        if volume.state == "RevertSnapshotting":
            volume.state = "Ready"
