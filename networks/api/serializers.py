"""This will parse what requests about network mappings ask for."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from networks.api.fields import Address, Flag, Id, Mac, Name, NameInSource

_MOST_MAPPINGS = 256


class MappingFields(serializers.Serializer[Any]):
    """This will parse what one mapping shall be."""

    source_network_name = NameInSource(help_text="The network's name in the source, exactly as there.")
    destination_network_id = Id(max_length=200, help_text="The network's id in CloudStack.")
    destination_network_name = Name(
        max_length=255, required=False, allow_blank=True, default="", help_text="For people; it decides nothing."
    )
    is_test_network = Flag(
        required=False, default=False, help_text="A network is for tests or for live failovers, never for both."
    )
    source_mac = Mac(
        max_length=17,
        required=False,
        allow_blank=True,
        default="",
        help_text="Only the NIC with this MAC; it goes before a mapping of the whole network.",
    )
    keep_mac = Flag(required=False, default=False, help_text="Give the target NIC the source's MAC.")
    fixed_ip = Address(
        required=False, allow_null=True, default=None, help_text="The target NIC's address; not on L2 networks."
    )

    def validate_source_mac(self, value: str) -> str:
        """Give the MAC in lower-case colon form."""
        return value.lower().replace("-", ":")


class MappingOfVM(MappingFields):
    """This will parse a mapping that names its VM."""

    vm_id = Id(max_length=128, help_text="VMware VM identifier")


class MappingSet(serializers.Serializer[Any]):
    """This will parse the mappings that replace those of the purposes they name."""

    mappings = MappingFields(
        many=True,
        allow_empty=False,
        help_text="The whole set of each purpose (live, test) that occurs in it; the other purpose stays as it is.",
    )
    vm_id = Id(max_length=128, required=False, help_text="May repeat the VM of the path.")

    def validate_mappings(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse more mappings than any VM has NICs for."""
        if len(value) > _MOST_MAPPINGS:
            raise serializers.ValidationError(f"At most {_MOST_MAPPINGS} mappings at once.")
        return value

    def validate_vm_id(self, value: str) -> str:
        """Refuse another VM than that of the path."""
        if value != self.context["vm_id"]:
            raise serializers.ValidationError(f"The path names VM {self.context['vm_id']}.")
        return value


class MappingFilter(serializers.Serializer[Any]):
    """This will parse the filters of the list."""

    vm_id = serializers.CharField(required=False, max_length=128, help_text="Only mappings of this VM.")
    source_network_name = serializers.CharField(
        required=False, max_length=255, trim_whitespace=False, help_text="Only mappings of this source network."
    )
    destination_network_id = Id(
        required=False, max_length=200, help_text="Only mappings to this target network, in any case."
    )
    is_test_network = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only mappings for tests, or only for live failovers."
    )
    limit = serializers.IntegerField(
        required=False, default=50, min_value=1, max_value=1000, help_text="Number of results to return."
    )
    offset = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=1_000_000_000, help_text="Result offset for pagination."
    )
