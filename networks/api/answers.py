"""This will describe the answers about network mappings, for the API's description."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from networks.api.envelope import Sentences, SuccessAnswer


class MappingOfKnownVM(serializers.Serializer[Any]):
    """This will describe a mapping where the answer itself names the VM."""

    id = serializers.IntegerField()
    source_network_name = serializers.CharField()
    destination_network_id = serializers.CharField()
    destination_network_name = serializers.CharField(allow_blank=True)
    is_test_network = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    source_mac = serializers.CharField(allow_null=True, help_text="null: every NIC of the source network.")
    keep_mac = serializers.BooleanField()
    fixed_ip = serializers.CharField(allow_null=True)


class MappingAnswer(MappingOfKnownVM):
    """This will describe a mapping with its VM."""

    vm_id = serializers.CharField()


_WARNINGS = "Fields that nothing reads, and source networks or MACs that the VM does not have now."


class OneMappingAnswer(SuccessAnswer):
    """This will describe the answer to a creation."""

    mapping = MappingAnswer()
    warnings = Sentences(required=False, help_text=_WARNINGS)


class MappingsOfVMAnswer(SuccessAnswer):
    """This will describe all mappings of a VM."""

    vm_id = serializers.CharField()
    mappings = MappingOfKnownVM(many=True)
    total_mappings = serializers.IntegerField()


class ReplacedMappingsAnswer(MappingsOfVMAnswer):
    """This will describe the answer to a replacement: the mappings of the purposes that it named, as they are now."""

    warnings = Sentences(required=False, help_text=_WARNINGS)


# Said so that the description does not take the answer of a list for an array of such answers.
@extend_schema_serializer(many=False)
class MappingListAnswer(SuccessAnswer):
    """This will describe a page of the list."""

    mappings = MappingAnswer(many=True)
    total_mappings = serializers.IntegerField(help_text="All that match the filters.")
    returned_mappings = serializers.IntegerField(help_text="Those in this answer.")
    warnings = Sentences(required=False, help_text="Parameters that are not known, where there are any.")


class DeletedMappingsAnswer(SuccessAnswer):
    """This will describe the answer to a deletion."""

    vm_id = serializers.CharField()
    deleted_mappings = serializers.IntegerField()


class DeletedMappingsOfSourceAnswer(DeletedMappingsAnswer):
    """This will describe the answer to the deletion of one source network's mappings."""

    source_network_name = serializers.CharField()
