"""This will be the API's door to a database that is older than the world: compare, then confirm."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from jobs.api.callers import actor_of
from jobs.generation.comparing import comparison, go_on
from jobs.runtime import process_gateways
from jobs.verification.findings import Drift, Weight
from networks.api.fields import Text


class DifferenceAnswer(serializers.Serializer[Any]):
    """This will describe one difference between our books and a cloud."""

    cloud = serializers.CharField(help_text="The target cloud's name.")
    drift = serializers.ChoiceField(choices=[drift.value for drift in Drift], help_text="What kind of difference.")
    weight = serializers.ChoiceField(choices=[weight.value for weight in Weight], help_text="How bad it is.")
    subject = serializers.CharField(help_text="What kind of thing differs.")
    id = serializers.CharField(help_text="CloudStack's id of it.")
    name = serializers.CharField(help_text="CloudStack's name of it.", allow_blank=True)
    words = serializers.CharField(help_text="The difference, in words.")
    job_id = serializers.CharField(help_text="The failover job that it is about, if any.", allow_blank=True)
    what_to_do = serializers.CharField(help_text="What to do about it.")


class DatabaseAnswer(serializers.Serializer[Any]):
    """This will describe whether the database is older than the world, and what differs."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    paused = serializers.BooleanField(help_text="Whether nothing is begun until the database is confirmed.")
    paused_reason = serializers.CharField(allow_null=True, help_text="Why; null while the service is not paused.")
    generation = serializers.CharField(help_text="Which database this is, and how far.")
    differences = DifferenceAnswer(many=True, help_text="Every difference of every cloud, the worst first.")
    confirmed = serializers.BooleanField(required=False, help_text="Whether this request let the service go on.")


class ConfirmBody(serializers.Serializer[Any]):
    """This will parse the word of whoever confirms."""

    reason = Text(max_length=1000, help_text="Why the database is right as it is; it is kept in the audit.")


class DatabaseViewSet(ViewSet):
    """This will compare the database with the clouds, and let a paused service go on."""

    @extend_schema(responses={200: DatabaseAnswer}, operation_id="compare_database")
    def retrieve(self, request: Request) -> Response:
        """List every difference between inventory, journal and clouds; nothing is changed."""
        del request
        shown = comparison(gateways=process_gateways())
        return Response({"message": f"{len(shown['differences'])} differences found", **shown})

    @extend_schema(request=ConfirmBody, responses={200: DatabaseAnswer}, operation_id="confirm_database")
    def confirm(self, request: Request) -> Response:
        """Let a paused service go on with the database as it is; where it is not paused nothing is done."""
        parser = ConfirmBody(data=request.data)
        parser.is_valid(raise_exception=True)
        done = go_on(gateways=process_gateways(), actor=actor_of(request), reason=parser.validated_data["reason"])
        words = "The database was confirmed" if done["confirmed"] else "The service is not paused"
        return Response({"message": words, **done})
