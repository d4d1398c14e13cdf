"""This will be the API's door to health: one call, render."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from debugtools.health import health


class HealthAnswer(serializers.Serializer[Any]):
    """This will describe a health answer."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    status = serializers.ChoiceField(choices=["healthy", "degraded"])
    authentication = serializers.ChoiceField(choices=["required", "disabled"])
    components = serializers.DictField(child=serializers.CharField())
    metrics = serializers.DictField(child=serializers.IntegerField())


class HealthViewSet(ViewSet):
    """This will answer how the service is."""

    @extend_schema(responses={200: HealthAnswer}, operation_id="health")
    def retrieve(self, request: Request) -> Response:
        """Check the service's health."""
        del request
        found = health(now=timezone.now())
        return Response(
            {
                "message": "System health check completed",
                "status": found.status,
                "authentication": "disabled" if settings.AUTH_DISABLED else "required",
                "components": found.components,
                "metrics": found.metrics,
            }
        )
