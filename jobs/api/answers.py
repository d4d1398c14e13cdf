"""This will describe the answers about failover jobs, for the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.models import JobState, JobStatus, JobType, Outcome


class StartData(serializers.Serializer[Any]):
    """This will describe `data` of a start."""

    job_type = serializers.ChoiceField(choices=JobType.choices)
    status = serializers.CharField()
    vm_id = serializers.CharField()
    vm_name = serializers.CharField()


class StartAnswer(serializers.Serializer[Any]):
    """This will describe a successful start."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    job_id = serializers.CharField()
    estimated_duration = serializers.CharField()
    data = StartData()  # type: ignore[assignment]
    warnings = serializers.ListField(child=serializers.CharField(), required=False)


class JobDetails(serializers.Serializer[Any]):
    """This will describe `job_details`."""

    job_type = serializers.ChoiceField(choices=JobType.choices)
    vm_id = serializers.CharField()
    vm_name = serializers.CharField()
    destination_vm_id = serializers.CharField(allow_null=True)
    snapshot_id = serializers.CharField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    custom_config = serializers.DictField()
    error_code = serializers.CharField(allow_null=True)
    requested_by = serializers.CharField(allow_blank=True)


class CurrentStep(serializers.Serializer[Any]):
    """This will describe a step under way."""

    phase = serializers.CharField()
    title = serializers.CharField()
    waiting_because = serializers.CharField(allow_null=True)


class StatusAnswer(serializers.Serializer[Any]):
    """This will describe a job's status; `duration` is nanoseconds."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    job_id = serializers.CharField()
    status = serializers.ChoiceField(choices=JobStatus.choices)
    progress = serializers.FloatField()
    start_time = serializers.DateTimeField(allow_null=True)
    duration = serializers.IntegerField()
    job_details = JobDetails()
    state = serializers.ChoiceField(choices=JobState.choices)
    outcome = serializers.ChoiceField(choices=Outcome.choices, allow_null=True)
    current_steps = CurrentStep(many=True)
    allowed_actions = serializers.ListField(child=serializers.CharField())
    questions = serializers.ListField(child=serializers.DictField())
    warnings = serializers.ListField(child=serializers.CharField())


class JobRow(serializers.Serializer[Any]):
    """This will describe one job of the list."""

    job_id = serializers.CharField()
    vm_id = serializers.CharField()
    vm_name = serializers.CharField()
    job_type = serializers.ChoiceField(choices=JobType.choices)
    status = serializers.ChoiceField(choices=JobStatus.choices)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    duration = serializers.IntegerField()
    destination_vm_id = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=JobState.choices)
    outcome = serializers.ChoiceField(choices=Outcome.choices, allow_null=True)
    progress = serializers.FloatField()


class JobsAnswer(serializers.Serializer[Any]):
    """This will describe the list of jobs."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    total_jobs = serializers.IntegerField()
    total_is_estimate = serializers.BooleanField()
    returned_jobs = serializers.IntegerField()
    jobs = JobRow(many=True)
