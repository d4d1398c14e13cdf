"""This will let operators look through the inventory and enter credentials, which are never shown again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ShowFacets
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from inventory.models import (
    Appliance,
    ProtectedVM,
    ReplicaState,
    Replication,
    ReplicaVolume,
    TargetCloud,
    VMDisk,
    VMNic,
    VMReservation,
)
from inventory.paging import EstimatingPaginator


def _secret_field(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Write only. Leave empty to keep the stored one.",
    )


class SealingForm(forms.ModelForm):  # type: ignore[type-arg]
    """This will seal what was typed into the secret fields and leave what was not typed alone."""

    secret_fields: tuple[str, ...] = ()

    def _post_clean(self) -> None:
        # Django's own place for bringing cleaned values to the instance, before it is validated.
        for name in self.secret_fields:
            if typed := self.cleaned_data.get(name):
                setattr(self.instance, name, typed)
        super()._post_clean()  # type: ignore[misc]


class TargetCloudForm(SealingForm):
    """This will take the two keys of a cloud."""

    secret_fields = ("api_key", "secret_key")
    api_key = _secret_field("API key")
    secret_key = _secret_field("Secret key")


class ApplianceForm(SealingForm):
    """This will take the secret of an appliance's hook."""

    secret_fields = ("hook_secret",)
    hook_secret = _secret_field("Hook secret")


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """This will show rows that only the intake and the service itself write, each by its rules."""

    # Nothing on a page costs what the whole table costs.
    paginator = EstimatingPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50

    def has_add_permission(self, *_args: Any, **_options: Any) -> bool:
        """Refuse: the intake and the service make these rows."""
        return False

    def has_change_permission(self, *_args: Any, **_options: Any) -> bool:
        """Refuse: the intake and the service change these rows."""
        return False

    def has_delete_permission(self, *_args: Any, **_options: Any) -> bool:
        """Refuse: a row that is gone here would leave a disk in the cloud that nobody knows."""
        return False


@admin.register(TargetCloud)
class TargetCloudAdmin(ModelAdmin):  # type: ignore[misc]
    """This will show target clouds and what was probed of them."""

    form = TargetCloudForm
    list_display = ("name", "endpoint", "version", "customjobid_honoured", "clock_skew_seconds", "probed_at")
    search_fields = ("name", "endpoint")
    readonly_fields = (
        "uuid",
        "version",
        "customjobid_honoured",
        "clock_skew_seconds",
        "running_snapshots_allowed",
        "expunge_allowed",
        "probed_at",
        "probe_error",
        "created_at",
        "updated_at",
    )


@admin.register(Appliance)
class ApplianceAdmin(ModelAdmin):  # type: ignore[misc]
    """This will show appliances."""

    form = ApplianceForm
    list_display = ("name", "cloud", "virtual_machine_id", "hold_method")
    list_filter = ("cloud", "hold_method")
    search_fields = ("name", "virtual_machine_id")
    readonly_fields = ("uuid", "created_at", "updated_at")


@admin.register(ProtectedVM)
class ProtectedVMAdmin(ReadOnlyAdmin):
    """This will show protected VMs and let two choices of the target be made; all else is the source's word."""

    list_display = ("name", "vm_id", "cloud", "appliance", "power_state", "firmware", "guest_os")
    list_filter = ("cloud", "appliance", "firmware", "power_state")
    list_select_related = ("cloud", "appliance")
    search_fields = ("name", "vm_id", "guest_os")
    choices_of_the_target = ("target_os_type", "service_offering_id")

    def has_change_permission(self, *args: Any, **options: Any) -> bool:
        """Allow what the person's own permissions allow."""
        return bool(super(ReadOnlyAdmin, self).has_change_permission(*args, **options))

    def get_readonly_fields(self, *_args: Any, **_options: Any) -> list[str]:
        """Give every field but the choices of the target."""
        fields = ProtectedVM._meta.concrete_fields
        return [field.name for field in fields if field.name not in self.choices_of_the_target]


@admin.register(VMDisk)
class VMDiskAdmin(ReadOnlyAdmin):
    """This will show the disks of protected VMs."""

    list_display = ("vm", "position", "label", "size_bytes", "controller")
    list_filter = ("controller",)
    list_select_related = ("vm",)
    search_fields = ("vm__name", "vm__vm_id", "label")


@admin.register(VMNic)
class VMNicAdmin(ReadOnlyAdmin):
    """This will show the NICs of protected VMs."""

    list_display = ("vm", "position", "mac", "network_name", "adapter")
    list_filter = ("adapter", "network_name")
    list_select_related = ("vm",)
    search_fields = ("vm__name", "vm__vm_id", "mac", "network_name")


@admin.register(ReplicaVolume)
class ReplicaVolumeAdmin(ReadOnlyAdmin):
    """This will show the replicas."""

    list_display = ("volume_id", "disk", "appliance", "coloured_state", "change_id", "last_sync_at")
    list_filter = ("state", "appliance")
    list_select_related = ("disk__vm", "appliance")
    search_fields = ("volume_id", "disk__vm__name", "disk__vm__vm_id")

    @display(  # type: ignore[untyped-decorator]
        description="State",
        label={
            ReplicaState.GOOD.value: "success",
            ReplicaState.UNVERIFIED.value: "warning",
            ReplicaState.NEEDS_FULL_RESYNC.value: "danger",
            ReplicaState.HANDED_OVER.value: "info",
        },
    )
    def coloured_state(self, replica: ReplicaVolume) -> tuple[str, str]:
        """Give the state with its colour."""
        return replica.state, replica.get_state_display()


@admin.register(Replication)
class ReplicationAdmin(ReadOnlyAdmin):
    """This will show the runs of the replication engines."""

    list_display = ("replication_id", "vm", "kind", "status", "percentage", "started_at", "finished_at")
    list_filter = ("status", "kind")
    list_select_related = ("vm",)
    search_fields = ("replication_id", "vm__name", "vm__vm_id")


@admin.register(VMReservation)
class VMReservationAdmin(ReadOnlyAdmin):
    """This will show which VMs are being worked on."""

    list_display = ("vm", "kind", "reference", "taken_at")
    list_filter = ("kind",)
    list_select_related = ("vm",)
    search_fields = ("reference", "vm__name", "vm__vm_id")
