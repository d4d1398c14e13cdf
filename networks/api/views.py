"""This will be the API's door to network mappings: parse, one service call, render."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from networks.api.answers import (
    DeletedMappingsAnswer,
    DeletedMappingsOfSourceAnswer,
    MappingListAnswer,
    MappingsOfVMAnswer,
    OneMappingAnswer,
    ReplacedMappingsAnswer,
)
from networks.api.fields import PREDECESSORS_FIELDS, is_name_in_source, unknown_fields, unread_names
from networks.api.rendering import rendered, warned, wish_of
from networks.api.serializers import MappingFields, MappingFilter, MappingOfVM, MappingSet
from networks.api.unknown_parameters import unknown_parameters
from networks.doubts import doubts_about
from networks.errors import MappingNotFound
from networks.lookups import vm_by_id
from networks.models import NetworkMapping
from networks.services import MappingWish, create_mapping, delete_mappings, replace_mappings

_VM_ID = OpenApiParameter("vm_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="VMware VM identifier")
_SOURCE = OpenApiParameter(
    "source_network_name",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="The network's name in the source, percent-encoded; it may hold slashes, spaces and any letters.",
)
_WHILE_MOVING = "409 while a failover of the VM moves; `blocking_job` names it."
_COLUMNS = {"vm_id": "vm__vm_id", "destination_network_id": "destination_network_id__iexact"}


class NetworkMappingViewSet(ViewSet):
    """This will create, show, replace and delete network mappings."""

    @extend_schema(
        request=MappingOfVM,
        responses={200: OneMappingAnswer},
        operation_id="create_network_mapping",
        description="Map one source network of a VM, or one NIC of it, to a target network. A VM has one mapping for "
        f"each source network, purpose and MAC. {_WHILE_MOVING}",
    )
    def create(self, request: Request) -> Response:
        """Create a network mapping of a VM."""
        parser = MappingOfVM(data=request.data)
        parser.is_valid(raise_exception=True)
        vm, wish = vm_by_id(parser.validated_data["vm_id"]), wish_of(parser.validated_data)
        mapping = create_mapping(vm=vm, wish=wish)
        warnings = unknown_fields(request.data, parser, also=PREDECESSORS_FIELDS)
        body = {"message": "Network mapping created successfully", "mapping": rendered(mapping)}
        return Response(warned(body, warnings + doubts_about(vm=vm, wishes=[wish])))

    @extend_schema(
        parameters=[MappingFilter],
        responses={200: MappingListAnswer},
        operation_id="list_network_mappings",
        description="List network mappings of all VMs in the order of their creation; all filters must match.",
    )
    def list(self, request: Request) -> Response:
        """List network mappings, filtered."""
        parser = MappingFilter(data=request.query_params)
        parser.is_valid(raise_exception=True)
        wanted = {name: value for name, value in parser.validated_data.items() if value is not None}
        limit, offset = wanted.pop("limit"), wanted.pop("offset")
        chosen = NetworkMapping.objects.filter(**{_COLUMNS.get(name, name): value for name, value in wanted.items()})
        shown = chosen.select_related("vm").order_by("pk")[offset : offset + limit]
        mappings = [rendered(mapping) for mapping in shown]
        return Response(
            {
                "message": "Network mappings retrieved",
                "mappings": mappings,
                "total_mappings": chosen.count(),
                "returned_mappings": len(mappings),
                **unknown_parameters(request, known=parser.fields),
            }
        )

    @extend_schema(
        parameters=[_VM_ID],
        responses={200: MappingsOfVMAnswer},
        operation_id="network_mappings_of_vm",
        description="Show all network mappings of a VM, live and test.",
    )
    def retrieve(self, request: Request, vm_id: str) -> Response:
        """Show the network mappings of a VM."""
        del request
        mappings = [rendered(mapping, with_vm=False) for mapping in vm_by_id(vm_id).network_mappings.order_by("pk")]
        return Response(_of_vm("Network mappings retrieved", vm_id=vm_id, mappings=mappings))

    @extend_schema(
        parameters=[_VM_ID],
        request=MappingSet,
        responses={200: ReplacedMappingsAnswer},
        operation_id="replace_network_mappings",
        description="Replace, all or nothing, the mappings of each purpose (live, test) that the body names; the other "
        f"purpose stays. The body of a creation is understood as a set of one. {_WHILE_MOVING}",
    )
    def update(self, request: Request, vm_id: str) -> Response:
        """Replace the mappings of a VM."""
        vm = vm_by_id(vm_id)
        wishes, warnings = _parsed_set(request.data, vm_id=vm_id)
        mappings = [rendered(mapping, with_vm=False) for mapping in replace_mappings(vm=vm, wishes=wishes)]
        body = _of_vm("Network mappings updated successfully", vm_id=vm_id, mappings=mappings)
        return Response(warned(body, warnings + doubts_about(vm=vm, wishes=wishes)))

    @extend_schema(
        parameters=[_VM_ID],
        request=None,
        responses={200: DeletedMappingsAnswer},
        operation_id="delete_network_mappings",
        description=f"Delete all network mappings of a VM, live and test; none is no error. {_WHILE_MOVING}",
    )
    def destroy(self, request: Request, vm_id: str) -> Response:
        """Delete all network mappings of a VM."""
        del request
        deleted = delete_mappings(vm=vm_by_id(vm_id))
        return Response(_deleted(vm_id, deleted=deleted))

    @extend_schema(
        parameters=[_VM_ID, _SOURCE],
        request=None,
        responses={200: DeletedMappingsOfSourceAnswer},
        operation_id="delete_network_mapping_of_source",
        description=f"Delete the mappings of one source network of a VM, live and test, for all MACs. {_WHILE_MOVING}",
    )
    def destroy_one(self, request: Request, vm_id: str, source_network_name: str) -> Response:
        """Delete the mappings of one source network of a VM."""
        del request
        vm = vm_by_id(vm_id)
        if not is_name_in_source(source_network_name):
            # Nothing of this name can have been stored, and not every database may be asked for it.
            raise MappingNotFound(vm_id=vm_id, source_network_name=source_network_name)
        deleted = delete_mappings(vm=vm, source_network_name=source_network_name)
        return Response({**_deleted(vm_id, deleted=deleted), "source_network_name": source_network_name})


def _parsed_set(body: Any, *, vm_id: str) -> tuple[list[MappingWish], list[str]]:
    """Give the wishes of a PUT, and a warning for each field in it that nothing reads."""
    if isinstance(body, dict) and "mappings" not in body and "source_network_name" in body:
        # The body of a creation is understood as a set of one.
        own = MappingFields().fields
        body = {
            **{name: value for name, value in body.items() if name not in own},
            "mappings": [{name: value for name, value in body.items() if name in own}],
        }
    parser = MappingSet(data=body, context={"vm_id": vm_id})
    parser.is_valid(raise_exception=True)
    warnings = unknown_fields(body, parser, also=PREDECESSORS_FIELDS)
    known = {*MappingFields().fields, *PREDECESSORS_FIELDS}
    for index, row in enumerate(body["mappings"]):
        warnings += unread_names(row, known=known, where=f"mappings[{index}]")
    return [wish_of(fields) for fields in parser.validated_data["mappings"]], warnings


def _of_vm(message: str, *, vm_id: str, mappings: list[dict[str, Any]]) -> dict[str, Any]:
    return {"message": message, "vm_id": vm_id, "mappings": mappings, "total_mappings": len(mappings)}


def _deleted(vm_id: str, *, deleted: int) -> dict[str, Any]:
    return {"message": "Network mappings deleted successfully", "vm_id": vm_id, "deleted_mappings": deleted}
