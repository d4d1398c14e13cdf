"""This will describe the answers of dry runs and bulk starts, for the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.models import JobType, Phase
from jobs.plans.specification import Strategy


class PlannedStart(serializers.Serializer[Any]):
    """This will describe `data` of a dry run."""

    job_type = serializers.ChoiceField(choices=JobType.choices)
    status = serializers.CharField(help_text="`planned`: nothing was started.")
    vm_id = serializers.CharField()
    vm_name = serializers.CharField()


class PlannedTest(PlannedStart):
    """This will describe `data` of a dry run of a test."""

    test_duration = serializers.CharField()
    auto_cleanup = serializers.BooleanField()


class PlannedStepAnswer(serializers.Serializer[Any]):
    """This will describe one step of a plan that was not started."""

    key = serializers.CharField()
    phase = serializers.ChoiceField(choices=Phase.choices)
    title = serializers.CharField()
    command = serializers.CharField()
    after = serializers.ListField(child=serializers.CharField(), help_text="Keys of the steps it needs done before.")
    is_point_of_no_return = serializers.BooleanField()
    expected_begin_seconds = serializers.FloatField(help_text="From the start of the failover.")
    expected_seconds = serializers.FloatField(allow_null=True, help_text="null: never seen on this cloud.")


class PlannedDisk(serializers.Serializer[Any]):
    """This will describe a disk of the target VM."""

    position = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    volume_id = serializers.CharField(help_text="The replica.")
    size_bytes = serializers.IntegerField()
    target_device_id = serializers.IntegerField()


class PlannedNic(serializers.Serializer[Any]):
    """This will describe a NIC of the target VM; null: CloudStack chooses."""

    source_network = serializers.CharField(allow_blank=True)
    network_id = serializers.CharField()
    mac = serializers.CharField(allow_null=True)
    ip = serializers.CharField(allow_null=True)


class PlanAnswer(serializers.Serializer[Any]):
    """This will describe a plan that was not started."""

    strategy = serializers.ChoiceField(choices=[strategy.value for strategy in Strategy])
    target_name = serializers.CharField(help_text="As it would be now; its ending differs with every start.")
    service_offering_id = serializers.CharField()
    target_details = serializers.DictField(child=serializers.CharField(), help_text="Sizes and virtual hardware.")
    disks = PlannedDisk(many=True)
    networks = PlannedNic(many=True)
    expected_seconds = serializers.FloatField(help_text="Until the target VM runs, in the cloud's time.")
    expected_is_guess = serializers.BooleanField(help_text="Some step was never seen on this cloud.")
    steps = PlannedStepAnswer(many=True)


class DryRunAnswer(serializers.Serializer[Any]):
    """This will describe what a live failover would do."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    dry_run = serializers.BooleanField()
    estimated_duration = serializers.CharField()
    data = PlannedStart()  # type: ignore[assignment]
    warnings = serializers.ListField(child=serializers.CharField())
    plan = PlanAnswer()


class TestDryRunAnswer(DryRunAnswer):
    """This will describe what a test failover would do."""

    data = PlannedTest()


class BulkResult(serializers.Serializer[Any]):
    """This will describe what became of one VM: a start's answer, or the fields of an error."""

    vm_id = serializers.CharField(allow_null=True, help_text="null: the entry has none that can be read.")
    success = serializers.BooleanField()
    message = serializers.CharField()
    job_id = serializers.CharField(required=False, help_text="Of a job that was started.")
    estimated_duration = serializers.CharField(required=False)
    data = serializers.DictField(required=False, help_text="As the single start answers.")  # type: ignore[assignment]
    warnings = serializers.ListField(child=serializers.CharField(), required=False)
    unknown_fields = serializers.DictField(required=False)
    error = serializers.CharField(required=False)
    error_code = serializers.CharField(required=False)
    required_actions = serializers.ListField(child=serializers.CharField(), required=False)
    blocking_job = serializers.CharField(required=False, help_text="With ACTIVE_JOBS: the job in the way.")
    error_id = serializers.CharField(required=False, help_text="With INTERNAL_ERROR: the log knows it.")
    fields = serializers.DictField(required=False, help_text="With INVALID_REQUEST: what is wrong with which field.")  # type: ignore[assignment]


class BulkAnswer(serializers.Serializer[Any]):
    """This will describe the results of a bulk start, in the order in which the VMs were sent."""

    success = serializers.BooleanField(help_text="The request was carried out; each result has its own.")
    message = serializers.CharField()
    type = serializers.ChoiceField(choices=JobType.choices)
    dry_run = serializers.BooleanField()
    total = serializers.IntegerField()
    started = serializers.IntegerField(help_text="In a dry run: how many could be started.")
    refused = serializers.IntegerField()
    results = BulkResult(many=True)
