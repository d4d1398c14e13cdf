"""This will describe the answers about single parts of a VM's configuration, for the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from inventory.models import ReplicaState, ReplicationStatus
from networks.api.envelope import Sentences, SuccessAnswer
from validation.api.serializers import CheckAnswer
from validation.findings import Area
from validation.models import CheckStatus


class _OfVM(SuccessAnswer):
    """This will be the base of answers about one VM."""

    vm_id = serializers.CharField()


class _Judged(serializers.Serializer[Any]):
    """This will describe what the checks of readiness say about a part."""

    is_ready_for_failover = serializers.BooleanField(help_text="As the checks of readiness say.")
    errors = Sentences(help_text="What is wrong.")  # type: ignore[assignment]
    required_actions = Sentences(help_text="What to do about it.")


class DiskSyncAnswer(serializers.Serializer[Any]):
    """This will describe the sync of one disk."""

    position = serializers.IntegerField(help_text="0 is the boot disk.")
    label = serializers.CharField()  # type: ignore[assignment]
    has_valid_change_id = serializers.BooleanField()
    change_id = serializers.CharField(allow_null=True)
    last_sync_time = serializers.DateTimeField(allow_null=True)
    replica_state = serializers.ChoiceField(choices=ReplicaState.choices, allow_null=True)
    problem = serializers.CharField(allow_null=True)


class SyncStatus(_Judged):
    """This will describe `sync_status`."""

    has_valid_change_id = serializers.BooleanField(help_text="On every disk, from a finished sync, content trusted.")
    latest_change_id = serializers.CharField(allow_null=True, help_text="Of the boot disk.")
    last_sync_time = serializers.DateTimeField(allow_null=True, help_text="Of the boot disk.")
    replication_job_id = serializers.CharField(allow_null=True, help_text="The newest replication of the VM.")
    sync_percentage = serializers.FloatField(help_text="Of the newest replication; 100.0 when it is completed.")
    replication_status = serializers.ChoiceField(choices=ReplicationStatus.choices, allow_null=True)
    last_completed_replication_job_id = serializers.CharField(allow_null=True)
    disks = DiskSyncAnswer(many=True)


class SyncStatusAnswer(_OfVM):
    """This will describe the answer of sync-status."""

    sync_status = SyncStatus()


class MappedNetwork(serializers.Serializer[Any]):
    """This will describe a mapping; `unused` where the VM has no such source network now."""

    source_network_name = serializers.CharField()
    destination_network_id = serializers.CharField()
    destination_network_name = serializers.CharField(allow_blank=True)
    is_test_network = serializers.BooleanField()
    status = serializers.ChoiceField(choices=["mapped", "unused"])
    source_mac = serializers.CharField(allow_null=True, help_text="Set when the mapping is for one NIC only.")


class UnmappedNetwork(serializers.Serializer[Any]):
    """This will describe a source network of which at least one NIC has no mapping."""

    source_network_name = serializers.CharField()
    is_test_network = serializers.BooleanField(help_text="Which kind of mapping is missing.")
    status = serializers.ChoiceField(choices=["unmapped"])
    source_macs = serializers.ListField(child=serializers.CharField(), help_text="The NICs without a mapping.")


class NetworkSide(_Judged):
    """This will describe the mappings for one purpose."""

    mapped_networks = serializers.IntegerField()
    unmapped_networks = serializers.IntegerField()
    mapped = MappedNetwork(many=True)
    unmapped = UnmappedNetwork(many=True)


class NetworkStatus(serializers.Serializer[Any]):
    """This will describe `network_status`."""

    total_networks = serializers.IntegerField(help_text="Source networks of the VM.")
    mapped_networks = serializers.IntegerField(help_text="Of these, with a live mapping for every NIC.")
    unmapped_networks = serializers.IntegerField()
    test_networks_available = serializers.BooleanField(help_text="Every source network has its test mappings.")
    mappings = MappedNetwork(many=True, help_text="Live mappings, then test mappings.")
    unmapped = UnmappedNetwork(many=True, help_text="What live failovers lack, then what tests lack.")
    is_ready_for_failover = serializers.BooleanField(help_text="Of the live side.")
    live = NetworkSide()
    test = NetworkSide()


class NetworkStatusAnswer(_OfVM):
    """This will describe the answer of network-mapping-status."""

    network_status = NetworkStatus()


class VolumeFields(serializers.Serializer[Any]):
    """This will describe a replica volume as the cloud shows it now."""

    volume_id = serializers.CharField(allow_null=True)
    volume_name = serializers.CharField(allow_null=True, help_text="null where the cloud knows no such volume.")
    volume_status = serializers.CharField(
        help_text="`attached`, `available` (Ready and detached), `missing`, or CloudStack's state in lower case."
    )
    size_gb = serializers.IntegerField(help_text="GiB, rounded up.")
    volume_type = serializers.ChoiceField(choices=["ROOT", "DATADISK"], help_text="The disk's role in the source VM.")
    attachment_status = serializers.ChoiceField(choices=["attached_to_oma", "attached_to_other", "detached"])
    is_accessible = serializers.BooleanField(help_text="It exists in state Ready.")
    is_ready_for_failover = serializers.BooleanField()


class DiskVolume(VolumeFields):
    """This will describe the replica volume of one disk."""

    position = serializers.IntegerField(help_text="0 is the boot disk.")
    label = serializers.CharField()  # type: ignore[assignment]
    cloud_state = serializers.CharField(allow_null=True)
    device_id = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField(allow_null=True)


class VolumeStatus(VolumeFields):
    """This will describe `volume_status`: the boot disk's volume, and all volumes; readiness is that of all of them."""

    volumes = DiskVolume(many=True)
    errors = Sentences(help_text="What is wrong.")  # type: ignore[assignment]
    required_actions = Sentences(help_text="What to do about it.")


class VolumeStatusAnswer(_OfVM):
    """This will describe the answer of volume-status."""

    volume_status = VolumeStatus()


class _ActiveJob(serializers.Serializer[Any]):
    """This will describe work on a VM that has not ended."""

    job_id = serializers.CharField()
    status = serializers.CharField(help_text="`reserved` while it holds the VM and has told nothing else.")
    progress = serializers.FloatField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    blocks = Sentences(help_text="Which failovers it is in the way of: `live`, `test`.")


class MigrationJob(_ActiveJob):
    """This will describe a replication under way."""

    job_type = serializers.CharField(allow_null=True, help_text="`full` or `incremental`.")


class ActiveFailoverJob(_ActiveJob):
    """This will describe a failover that has not ended."""

    job_type = serializers.CharField(allow_null=True, help_text="`live` or `test`.")
    state = serializers.CharField(required=False)
    created_at = serializers.DateTimeField(required=False)


class ActiveJobs(_Judged):
    """This will describe `active_jobs`."""

    has_active_jobs = serializers.BooleanField()
    migration_jobs = MigrationJob(many=True)
    failover_jobs = ActiveFailoverJob(many=True)
    total_active = serializers.IntegerField()
    is_ready_for_test_failover = serializers.BooleanField()


class ActiveJobsAnswer(_OfVM):
    """This will describe the answer of active-jobs."""

    active_jobs = ActiveJobs()


class ConfiguredCheck(CheckAnswer):
    """This will describe one check; found alike for both kinds of failover it is shown once."""

    applies_to = Sentences(help_text="`live`, `test`, or both.")


class ConfiguredArea(serializers.Serializer[Any]):
    """This will describe one area: its worst status, its checks, and what to do."""

    area = serializers.ChoiceField(choices=[area.value for area in Area])
    status = serializers.ChoiceField(choices=CheckStatus.choices)
    checks = ConfiguredCheck(many=True)
    required_actions = Sentences()


class ReadinessScores(serializers.Serializer[Any]):
    """This will describe the score for each kind of failover, 0 to 100."""

    live = serializers.FloatField()
    test = serializers.FloatField()


class ConfigurationCheck(serializers.Serializer[Any]):
    """This will describe `configuration_check`; `execution_time` is nanoseconds."""

    is_valid = serializers.BooleanField(help_text="Ready for a live failover and for a test.")  # type: ignore[assignment]
    is_ready_for_failover = serializers.BooleanField(help_text="Ready for a live failover.")
    is_ready_for_test_failover = serializers.BooleanField()
    areas = ConfiguredArea(many=True)
    warnings = Sentences()
    errors = Sentences()  # type: ignore[assignment]
    readiness_scores = ReadinessScores()
    execution_time = serializers.IntegerField()


class ConfigurationCheckAnswer(_OfVM):
    """This will describe the answer of configuration-check."""

    configuration_check = ConfigurationCheck()
    required_actions = Sentences(help_text="What to do, over all areas.")
