"""This will describe what every successful answer holds."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class SuccessAnswer(serializers.Serializer[Any]):
    """This will be the base of the descriptions of successful answers."""

    success = serializers.BooleanField(help_text="true")
    message = serializers.CharField()
    request_id = serializers.CharField(help_text="The X-Request-ID of the request, or one made for it.")


class Sentences(serializers.ListField):
    """This will describe a list of sentences for people."""

    child = serializers.CharField()
