"""This will describe how far the copies of a VM's disks are, and who works on the VM at the moment."""

from __future__ import annotations

from django.db import models

from inventory.models.clouds import Appliance
from inventory.models.machines import ProtectedVM, VMDisk
from inventory.models.stamped import Stamped, one_of


class ReplicaState(models.TextChoices):
    """This will say whether a replica holds what the source's disk held at its change id.

    Handed over: a live failover was committed, and the volume is the disk of its target VM.
    """

    GOOD = "good", "good"
    UNVERIFIED = "unverified", "unverified"
    NEEDS_FULL_RESYNC = "needs_full_resync", "needs a full resync"
    HANDED_OVER = "handed_over", "belongs to a target VM"


class ReplicaVolume(Stamped):
    """This will hold the volume in the cloud that is the copy of one disk.

    `state_since` is when the content stopped being trusted; it is null while the state comes from the first syncs.
    After it only a full replication that began later, or the replication engine's own check, makes the replica good.
    """

    disk = models.OneToOneField(VMDisk, on_delete=models.PROTECT, related_name="replica")
    appliance = models.ForeignKey(Appliance, on_delete=models.PROTECT, related_name="replicas")
    volume_id = models.CharField(max_length=36, unique=True)
    change_id = models.CharField(max_length=255, blank=True)
    last_sync_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=20, choices=ReplicaState, default=ReplicaState.GOOD)
    state_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = (one_of("state", ReplicaState, name="replica_state_known"),)

    def __str__(self) -> str:
        return self.volume_id


class ReplicationKind(models.TextChoices):
    """This will say whether a replication copies everything or what changed since the last one."""

    FULL = "full", "full"
    INCREMENTAL = "incremental", "incremental"


class ReplicationStatus(models.TextChoices):
    """This will say how far a replication is."""

    PENDING = "pending", "pending"
    REPLICATING = "replicating", "replicating"
    COMPLETED = "completed", "completed"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


UNFINISHED_REPLICATION = (ReplicationStatus.PENDING, ReplicationStatus.REPLICATING)


class Replication(Stamped):
    """This will hold one run of the replication engine for one VM, as the engine tells it."""

    vm = models.ForeignKey(ProtectedVM, on_delete=models.CASCADE, related_name="replications")
    replication_id = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=20, choices=ReplicationKind)
    status = models.CharField(max_length=20, choices=ReplicationStatus)
    percentage = models.FloatField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_word_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ("-started_at", "-id")
        constraints = (
            one_of("kind", ReplicationKind, name="replication_kind_known"),
            one_of("status", ReplicationStatus, name="replication_status_known"),
            models.CheckConstraint(
                condition=models.Q(percentage__gte=0, percentage__lte=100), name="replication_percentage_in_range"
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=UNFINISHED_REPLICATION) | models.Q(finished_at=None),
                name="replication_unfinished_has_no_end",
            ),
        )

    def __str__(self) -> str:
        return self.replication_id


class ReservationKind(models.TextChoices):
    """This will say what kind of work holds a VM."""

    FAILOVER = "failover", "failover"
    REPLICATION = "replication", "replication"


class VMReservation(models.Model):
    """This will say that a VM is being worked on, and by whom; the unique key admits one holder at a time."""

    vm = models.OneToOneField(ProtectedVM, on_delete=models.PROTECT, related_name="reservation")
    kind = models.CharField(max_length=20, choices=ReservationKind)
    reference = models.CharField(max_length=200)
    taken_at = models.DateTimeField()

    class Meta:
        ordering = ("taken_at",)
        verbose_name = "VM reservation"
        constraints = (one_of("kind", ReservationKind, name="reservation_kind_known"),)

    def __str__(self) -> str:
        return f"{self.vm} reserved by {self.kind} {self.reference}"
