"""This will route `/api/v1/inventory/` to the doors of the inventory."""

from __future__ import annotations

from django.urls import path, re_path

from inventory.api.views import VMListView, VMView

urlpatterns = [
    path("vms", VMListView.as_view(), name="inventory-vms"),
    re_path(r"^vms/(?P<vm_id>[A-Za-z0-9_.:-]{1,128})$", VMView.as_view(), name="inventory-vm"),
]
