"""This will be the API's door to network mappings: parse, one service call, render."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from networks.api.fields import unknown_fields
from networks.api.serializers import (
    DeletedAnswer,
    MappingFields,
    MappingFilter,
    MappingOfVM,
    MappingsAnswer,
    MappingSet,
    OneMappingAnswer,
    rendered,
    wish_of,
)
from networks.lookups import vm_by_id
from networks.models import NetworkMapping
from networks.services import create_mapping, delete_mappings, replace_mappings


class NetworkMappingViewSet(ViewSet):
    """This will create, show, replace and delete network mappings."""

    @extend_schema(request=MappingOfVM, responses={200: OneMappingAnswer}, operation_id="create_network_mapping")
    def create(self, request: Request) -> Response:
        """Create a network mapping of a VM."""
        parser = MappingOfVM(data=request.data)
        parser.is_valid(raise_exception=True)
        vm = vm_by_id(parser.validated_data["vm_id"])
        mapping = create_mapping(vm=vm, wish=wish_of(parser.validated_data))
        body: dict[str, Any] = {"message": "Network mapping created successfully", "mapping": rendered(mapping)}
        if warnings := unknown_fields(request.data, parser, also=frozenset()):
            body["warnings"] = warnings
        return Response(body)

    @extend_schema(parameters=[MappingFilter], responses={200: MappingsAnswer}, operation_id="list_network_mappings")
    def list(self, request: Request) -> Response:
        """List network mappings, filtered."""
        parser = MappingFilter(data=request.query_params)
        parser.is_valid(raise_exception=True)
        wanted = {name: value for name, value in parser.validated_data.items() if value is not None}
        limit, offset = wanted.pop("limit"), wanted.pop("offset")
        if "vm_id" in wanted:
            wanted["vm__vm_id"] = wanted.pop("vm_id")
        chosen = NetworkMapping.objects.filter(**wanted)
        shown = chosen.select_related("vm").order_by("pk")[offset : offset + limit]
        mappings = [rendered(mapping) for mapping in shown]
        return Response(
            {
                "message": "Network mappings retrieved",
                "mappings": mappings,
                "total_mappings": chosen.count(),
                "returned_mappings": len(mappings),
            }
        )

    @extend_schema(responses={200: MappingsAnswer}, operation_id="network_mappings_of_vm")
    def retrieve(self, request: Request, vm_id: str) -> Response:
        """Show the network mappings of a VM."""
        del request
        vm = vm_by_id(vm_id)
        mappings = [rendered(mapping, with_vm=False) for mapping in vm.network_mappings.order_by("pk")]
        return Response(_of_vm("Network mappings retrieved", vm_id=vm_id, mappings=mappings))

    @extend_schema(request=MappingSet, responses={200: MappingsAnswer}, operation_id="replace_network_mappings")
    def update(self, request: Request, vm_id: str) -> Response:
        """Replace the mappings of each purpose, live or test, that the body names; the other purpose stays."""
        vm = vm_by_id(vm_id)
        wishes = [wish_of(fields) for fields in _parsed_set(request.data)]
        mappings = [rendered(mapping, with_vm=False) for mapping in replace_mappings(vm=vm, wishes=wishes)]
        return Response(_of_vm("Network mappings updated successfully", vm_id=vm_id, mappings=mappings))

    @extend_schema(request=None, responses={200: DeletedAnswer}, operation_id="delete_network_mappings")
    def destroy(self, request: Request, vm_id: str) -> Response:
        """Delete all network mappings of a VM."""
        del request
        deleted = delete_mappings(vm=vm_by_id(vm_id))
        return Response(_deleted(vm_id, deleted=deleted))

    @extend_schema(request=None, responses={200: DeletedAnswer}, operation_id="delete_network_mapping_of_source")
    def destroy_one(self, request: Request, vm_id: str, source_network_name: str) -> Response:
        """Delete the mappings of one source network of a VM."""
        del request
        deleted = delete_mappings(vm=vm_by_id(vm_id), source_network_name=source_network_name)
        return Response(_deleted(vm_id, deleted=deleted))


def _parsed_set(body: Any) -> list[dict[str, Any]]:
    if isinstance(body, dict) and "mappings" not in body and "source_network_name" in body:
        # The body of a creation is understood as a set of one.
        one = MappingFields(data=body)
        one.is_valid(raise_exception=True)
        return [one.validated_data]
    parser = MappingSet(data=body)
    parser.is_valid(raise_exception=True)
    mappings: list[dict[str, Any]] = parser.validated_data["mappings"]
    return mappings


def _of_vm(message: str, *, vm_id: str, mappings: list[dict[str, Any]]) -> dict[str, Any]:
    return {"message": message, "vm_id": vm_id, "mappings": mappings, "total_mappings": len(mappings)}


def _deleted(vm_id: str, *, deleted: int) -> dict[str, Any]:
    return {"message": "Network mappings deleted successfully", "vm_id": vm_id, "deleted_mappings": deleted}
