"""This will show network mappings in the admin; they are changed through the API, which keeps their rules."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from inventory.admin import ReadOnlyAdmin
from networks.models import NetworkDesignation, NetworkMapping, Purpose

_COLOURS = {Purpose.LIVE.value: "danger", Purpose.TEST.value: "info"}


@admin.register(NetworkMapping)
class NetworkMappingAdmin(ReadOnlyAdmin):
    """This will list mappings."""

    list_display = (
        "of_vm",
        "coloured_purpose",
        "source_network_name",
        "destination",
        "destination_network_id",
        "mac",
        "fixed_ip",
    )
    list_filter = ("is_test_network",)
    list_select_related = ("vm",)
    search_fields = ("vm__name", "vm__vm_id", "source_network_name", "destination_network_id")

    @admin.display(description="VM", ordering="vm__name")
    def of_vm(self, mapping: NetworkMapping) -> str:
        """Give the VM's name."""
        return mapping.vm.name

    @display(description="For", label=_COLOURS)  # type: ignore[untyped-decorator]
    def coloured_purpose(self, mapping: NetworkMapping) -> str:
        """Say whether it is for live failovers or for tests."""
        return mapping.purpose

    @admin.display(description="Target network", ordering="destination_network_name", empty_value="no name was sent")
    def destination(self, mapping: NetworkMapping) -> str | None:
        """Give the name of the target network, as whoever made the mapping wrote it."""
        return mapping.destination_network_name or None

    @admin.display(description="MAC", ordering="source_mac")
    def mac(self, mapping: NetworkMapping) -> str:
        """Say for which NIC it is, and whether the target keeps its MAC."""
        whose = mapping.source_mac or "all NICs of the network"
        return f"{whose}, kept" if mapping.keep_mac else whose


@admin.register(NetworkDesignation)
class NetworkDesignationAdmin(ReadOnlyAdmin):
    """This will list what each target network is for; `manage.py designate_network` sets it."""

    list_display = ("network_id", "is_test_network", "is_pinned")
    list_filter = ("is_test_network", "is_pinned")
    search_fields = ("network_id",)
