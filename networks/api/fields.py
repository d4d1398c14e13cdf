"""This will read request fields by their JSON type: the framework's own turn 1, "yes" and 12 into what was not sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NoReturn

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

# Sent by clients of the predecessor; it is taken, means nothing here, and is no news to them.
PREDECESSORS_FIELDS = frozenset({"context_id"})
# What the fields take, as patterns that the API's description shows as well.
TEXT = r"^[^\u0000]*$"
IDENTIFIER = r"^[A-Za-z0-9_.:-]+$"
# No control characters.
NAME_IN_SOURCE = r"^[^\u0000-\u001f\u007f-\u009f]*$"
MAC = r"^([0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5})?$"
# Neither control characters, nor separators of lines, nor signs without a shape: those that turn the direction of text.
NAME = r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]*$"


class Text(serializers.CharField):
    """This will take a JSON string and nothing else."""

    def to_internal_value(self, data: Any) -> str:
        """Give the text, stripped; fails for other types."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Choice(serializers.ChoiceField):
    """This will take one of some words, and name them to whoever sends another."""

    default_error_messages = {"invalid_choice": '"{input}" is not a valid choice; there are: {choices}.'}

    def fail(self, key: str, **told: Any) -> NoReturn:
        """Refuse, and say what there is to choose from."""
        super().fail(key, choices=", ".join(str(choice) for choice in self.choices), **told)


class NameInSource(Text):
    """This will take the name of a network as the source has it: all but control characters, nothing cut off."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=255, trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """Give the name; fails for control characters."""
        name = super().to_internal_value(data)
        if not is_name_in_source(name):
            raise serializers.ValidationError("A name holds no control characters.")
        return name


def is_name_in_source(name: str) -> bool:
    """Say whether the inventory would take this as the name of a network."""
    return 0 < len(name) <= 255 and re.fullmatch(NAME_IN_SOURCE, name) is not None


class Id(Text):
    """This will take an id as VMs, jobs and networks have them; what an id cannot hold gets past no door."""

    default_error_messages = {"identifier": "An id holds letters, digits and _ . : - only."}

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """Give the id; fails for what none can be."""
        text = super().to_internal_value(data)
        if not re.fullmatch(IDENTIFIER, text):
            self.fail("identifier")
        return text


class Name(Text):
    """This will take a name that people give: any letters and signs, but nothing that cannot be seen on one line."""

    default_error_messages = {"name": "A name holds no line breaks and no control characters."}

    def to_internal_value(self, data: Any) -> str:
        """Give the name; fails for control characters, line separators and signs that turn the direction of text."""
        text = super().to_internal_value(data)
        if not re.fullmatch(NAME, text):
            self.fail("name")
        return text


class Mac(Text):
    """This will take a MAC address, or nothing where that is allowed."""

    default_error_messages = {"mac": "Not a MAC address such as 00:50:56:aa:bb:cc."}

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """Give the address as it was sent; fails for anything else."""
        text = super().to_internal_value(data)
        if not re.fullmatch(MAC, text):
            self.fail("mac")
        return text


@extend_schema_field({"type": "string", "format": "cursor", "maxLength": 500})
class Cursor(serializers.CharField):
    """This will take the mark at which the page before ended."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 500, "allow_blank": True, **options})


@extend_schema_field(
    {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}, {"type": "null"}]}
)
class Address(serializers.IPAddressField):
    """This will take an IP address of either version."""

    def to_internal_value(self, data: Any) -> str:
        """Give the address; fails for other types."""
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
    return unread_names(body, known=set(getattr(serializer, "fields", {})) | also)


def unread_names(body: Iterable[str], *, known: Iterable[str], where: str = "") -> list[str]:
    """Give a warning for each name in the body that is not known."""
    place = f" of {where}" if where else ""
    return [f"Unknown field '{name}'{place} was ignored" for name in body if name not in set(known)]
