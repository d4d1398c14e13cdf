"""This will show network mappings in the admin; they are changed through the API, which keeps their rules."""

from __future__ import annotations

from django.contrib import admin

from inventory.admin import ReadOnlyAdmin
from networks.models import NetworkDesignation, NetworkMapping


@admin.register(NetworkMapping)
class NetworkMappingAdmin(ReadOnlyAdmin):
    """This will list mappings."""

    list_display = (
        "vm",
        "source_network_name",
        "source_mac",
        "destination_network_name",
        "destination_network_id",
        "is_test_network",
        "keep_mac",
        "fixed_ip",
    )
    list_filter = ("is_test_network",)
    list_select_related = ("vm",)
    search_fields = ("vm__name", "vm__vm_id", "source_network_name", "destination_network_id")


@admin.register(NetworkDesignation)
class NetworkDesignationAdmin(ReadOnlyAdmin):
    """This will list what each target network is for; `manage.py designate_network` sets it."""

    list_display = ("network_id", "is_test_network", "is_pinned")
    list_filter = ("is_test_network", "is_pinned")
    search_fields = ("network_id",)
