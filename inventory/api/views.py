"""This will let a replication engine push VMs into the inventory, and everybody read them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inventory.api.answers import list_answer, put_answer, vm_answer
from inventory.api.errors import DocumentRefused, VMNotFound
from inventory.api.rendering import vm_document, vm_summary
from inventory.intake.schema import vm_in_path
from inventory.models import ProtectedVM
from inventory.services import upsert_vm

PAGE = 50
LARGEST_PAGE = 1000
LARGEST_OFFSET = 2**31


class VMListView(APIView):
    """This will list the protected VMs."""

    @extend_schema(
        operation_id="list_protected_vms",
        parameters=[
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}),
            OpenApiParameter("offset", {"type": "integer", "minimum": 0, "maximum": LARGEST_OFFSET, "default": 0}),
        ],
        responses={200: list_answer()},
    )
    def get(self, request: Request) -> Response:
        """List protected VMs by name, `limit` (50, at most 1000) from `offset` on."""
        limit = _whole(request, "limit", default=PAGE, smallest=1, largest=LARGEST_PAGE)
        offset = _whole(request, "offset", default=0, smallest=0, largest=LARGEST_OFFSET)
        rows = ProtectedVM.objects.select_related("cloud", "appliance")
        vms = [vm_summary(vm) for vm in rows[offset : offset + limit]]
        counts = {"total_vms": rows.count(), "returned_vms": len(vms)}
        return Response({"success": True, "message": "Retrieved protected VMs", **counts, "vms": vms})


class VMView(APIView):
    """This will show or take the inventory document of one VM."""

    @extend_schema(operation_id="protected_vm", responses={200: vm_answer()})
    def get(self, _request: Request, vm_id: str) -> Response:
        """Show one VM with its disks, replicas, NICs and replications."""
        return Response({"success": True, "message": "Retrieved protected VM", "vm": vm_document(_vm(vm_id))})

    @extend_schema(
        operation_id="put_protected_vm",
        request={"application/json": vm_in_path()},
        responses={200: put_answer()},
    )
    def put(self, request: Request, vm_id: str) -> Response:
        """Create or change one VM from its inventory document; all of it or nothing."""
        report = upsert_vm(vm_id=vm_id, document=request.data)
        if report.refused:
            raise DocumentRefused(report.refused)
        outcome = "created" if report.created else "changed" if report.changed else "unchanged"
        body: dict[str, Any] = {"success": True, "message": f"VM {outcome}", "outcome": outcome}
        return Response({**body, "vm": vm_document(_vm(vm_id))})


def _vm(vm_id: str) -> ProtectedVM:
    vm = ProtectedVM.objects.select_related("cloud", "appliance").filter(vm_id=vm_id).first()
    if vm is None:
        raise VMNotFound(vm_id)
    return vm


def _whole(request: Request, name: str, *, default: int, smallest: int, largest: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and smallest <= int(text) <= largest):
        raise ValidationError({name: [f"must be a whole number from {smallest} to {largest}"]})
    return int(text)
