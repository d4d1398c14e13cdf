"""This will parse network mappings from requests and render them."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from networks.api.fields import Flag, Text
from networks.models import NetworkMapping
from networks.services import MappingWish

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


class MappingFields(serializers.Serializer[Any]):
    """This will parse what one mapping shall be."""

    source_network_name = Text(max_length=255)
    destination_network_id = Text(max_length=200)
    destination_network_name = Text(max_length=255, required=False, allow_blank=True, default="")
    is_test_network = Flag(required=False, default=False)
    source_mac = Text(required=False, allow_blank=True, default="", help_text="Only the NIC with this MAC.")
    keep_mac = Flag(required=False, default=False, help_text="Give the target NIC the source's MAC.")
    fixed_ip = serializers.IPAddressField(required=False, allow_null=True, default=None)

    def validate_source_mac(self, value: str) -> str:
        """Give the MAC in lower-case colon form."""
        mac = value.lower().replace("-", ":")
        if mac and not _MAC.fullmatch(mac):
            raise serializers.ValidationError("Not a MAC address such as 00:50:56:aa:bb:cc.")
        return mac


class MappingOfVM(MappingFields):
    """This will parse a mapping that names its VM."""

    vm_id = Text(max_length=128)


class MappingSet(serializers.Serializer[Any]):
    """This will parse the mappings that replace those of the purposes they name."""

    mappings = MappingFields(many=True, allow_empty=False)


class MappingFilter(serializers.Serializer[Any]):
    """This will parse the filters of the list."""

    vm_id = serializers.CharField(required=False, max_length=128)
    source_network_name = serializers.CharField(required=False, max_length=255)
    destination_network_id = serializers.CharField(required=False, max_length=200)
    is_test_network = serializers.BooleanField(required=False, allow_null=True, default=None)
    limit = serializers.IntegerField(required=False, default=50, min_value=1, max_value=1000)
    offset = serializers.IntegerField(required=False, default=0, min_value=0, max_value=1_000_000_000)


def wish_of(fields: dict[str, Any]) -> MappingWish:
    """Give the wish that parsed fields state."""
    return MappingWish(**{name: value for name, value in fields.items() if name != "vm_id"})


def rendered(mapping: NetworkMapping, *, with_vm: bool = True) -> dict[str, Any]:
    """Give the mapping as the contract shows it."""
    return {
        "id": mapping.pk,
        **({"vm_id": mapping.vm.vm_id} if with_vm else {}),
        "source_network_name": mapping.source_network_name,
        "destination_network_id": mapping.destination_network_id,
        "destination_network_name": mapping.destination_network_name,
        "is_test_network": mapping.is_test_network,
        "created_at": mapping.created_at,
        "updated_at": mapping.updated_at,
        "source_mac": mapping.source_mac or None,
        "keep_mac": mapping.keep_mac,
        "fixed_ip": mapping.fixed_ip,
    }


class MappingAnswer(serializers.Serializer[Any]):
    """This will describe a mapping in answers (for the API's description)."""

    id = serializers.IntegerField()
    vm_id = serializers.CharField(required=False)
    source_network_name = serializers.CharField()
    destination_network_id = serializers.CharField()
    destination_network_name = serializers.CharField(allow_blank=True)
    is_test_network = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    source_mac = serializers.CharField(allow_null=True)
    keep_mac = serializers.BooleanField()
    fixed_ip = serializers.CharField(allow_null=True)


class OneMappingAnswer(serializers.Serializer[Any]):
    """This will describe the answer to a creation."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    mapping = MappingAnswer()


class MappingsAnswer(serializers.Serializer[Any]):
    """This will describe a list of mappings."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    vm_id = serializers.CharField(required=False)
    mappings = MappingAnswer(many=True)
    total_mappings = serializers.IntegerField()


class DeletedAnswer(serializers.Serializer[Any]):
    """This will describe the answer to a deletion."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    vm_id = serializers.CharField()
    deleted_mappings = serializers.IntegerField()
