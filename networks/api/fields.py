"""This will read request fields by their JSON type: the framework's own turn 1, "yes" and 12 into what was not sent."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class Text(serializers.CharField):
    """This will take a JSON string and nothing else."""

    def to_internal_value(self, data: Any) -> str:
        """Give the text, stripped; fails for other types."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """This will take true or false and nothing else."""

    def to_internal_value(self, data: Any) -> bool:
        """Give the truth value; fails for other types."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


def unknown_fields(body: Any, serializer: serializers.BaseSerializer[Any], *, also: frozenset[str]) -> list[str]:
    """Give a warning for each top-level field of the body that nothing reads; they are never refused."""
    known = set(getattr(serializer, "fields", {})) | also
    return [f"Unknown field '{name}' was ignored" for name in body if name not in known]
