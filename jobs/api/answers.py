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


class TestStartData(StartData):
    """This will describe `data` of a test start; `test_duration` is the text that was sent."""

    test_duration = serializers.CharField()
    auto_cleanup = serializers.BooleanField()


class TestStartAnswer(StartAnswer):
    """This will describe a successful test start."""

    data = TestStartData()


class CleanupAnswer(serializers.Serializer[Any]):
    """This will describe a cleanup that was taken, or that is under way already."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    job_id = serializers.CharField()
    cleanup_status = serializers.CharField()
    estimated_cleanup_time = serializers.CharField()


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
    warnings = serializers.ListField(child=serializers.CharField())
    requested_by = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    point_of_no_return_at = serializers.DateTimeField(allow_null=True)
    left_behind = serializers.ListField(child=serializers.DictField())


class ActionAnswer(serializers.Serializer[Any]):
    """This will describe a verb that may be used now, or the reason why not."""

    action = serializers.CharField()
    allowed = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)


class QuestionAnswer(serializers.Serializer[Any]):
    """This will describe a question that waits for an operator."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    question = serializers.CharField()
    seen = serializers.DictField()
    choices = serializers.ListField(child=serializers.DictField())
    asked_at = serializers.DateTimeField()


class StepAnswer(serializers.Serializer[Any]):
    """This will describe one step of the job's plans."""

    phase = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


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
    current_steps = serializers.ListField(child=serializers.CharField())
    steps = StepAnswer(many=True)
    allowed_actions = ActionAnswer(many=True)
    questions = QuestionAnswer(many=True)


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


class JobsAnswer(serializers.Serializer[Any]):
    """This will describe the list of jobs."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    total_jobs = serializers.IntegerField()
    total_is_estimate = serializers.BooleanField()
    returned_jobs = serializers.IntegerField()
    jobs = JobRow(many=True)
