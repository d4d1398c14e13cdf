"""This will be the API's door to readiness: parse, one service call, render."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from networks.lookups import vm_by_id
from networks.models import Purpose
from validation.api.serializers import ReadinessAnswer, ReadinessQuery
from validation.doors import SYSTEM_CLOCK, reading_gateway
from validation.rendering import readiness
from validation.services import validate


class ReadinessViewSet(ViewSet):
    """This will answer whether a VM may fail over now."""

    @extend_schema(parameters=[ReadinessQuery], responses={200: ReadinessAnswer})
    def retrieve(self, request: Request, vm_id: str) -> Response:
        """Validate a VM's readiness for a live failover, or with `type=test` for a test."""
        parser = ReadinessQuery(data=request.query_params)
        parser.is_valid(raise_exception=True)
        vm = vm_by_id(vm_id)
        verdict = validate(
            vm=vm,
            purpose=Purpose(parser.validated_data["type"]),
            overrides={},
            gateway=reading_gateway(vm),
            clock=SYSTEM_CLOCK,
        )
        return Response(readiness(verdict))
