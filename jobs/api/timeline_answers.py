"""This will describe the answers about a job's steps and events, for the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.models import AttemptState, Phase, PlanKind, PlanState, StepState


class AttemptAnswer(serializers.Serializer[Any]):
    """This will describe one try of a step."""

    number = serializers.IntegerField()
    async_job_id = serializers.CharField(help_text="Ours, sent to CloudStack as customjobid.")
    state = serializers.ChoiceField(choices=AttemptState.choices)
    owner = serializers.CharField(help_text="The process that makes the call.")
    intent_at = serializers.DateTimeField(help_text="Committed before the call.")
    deadline = serializers.DateTimeField(help_text="CloudStack itself refuses the request after it.")
    submitted_at = serializers.DateTimeField(allow_null=True, help_text="CloudStack took the job.")
    answered_at = serializers.DateTimeField(allow_null=True, help_text="The call or its async job ended.")
    ended_at = serializers.DateTimeField(allow_null=True, help_text="What became of it is known.")
    settled_after = serializers.DateTimeField(
        allow_null=True, help_text="After a lost answer: when the request can no longer arrive."
    )
    next_look_at = serializers.DateTimeField(allow_null=True, help_text="When it is read again.")
    answer = serializers.DictField(help_text="What CloudStack said.")
    readings = serializers.ListField(
        child=serializers.DictField(), help_text="What was read back, and when; newest last, the last few are kept."
    )
    explanation = serializers.CharField(allow_null=True)


class TimelineStep(serializers.Serializer[Any]):
    """This will describe one step with its attempts."""

    key = serializers.CharField()
    phase = serializers.ChoiceField(choices=Phase.choices)
    title = serializers.CharField()
    command = serializers.CharField()
    arguments = serializers.DictField(help_text="What the command is about; a value may name an earlier step's result.")
    after = serializers.ListField(child=serializers.CharField(), help_text="Keys of the steps it needs done before.")
    is_point_of_no_return = serializers.BooleanField()
    state = serializers.ChoiceField(choices=StepState.choices)
    reason = serializers.CharField(allow_null=True, help_text="Why it waits, failed or was skipped.")
    waiting_for = serializers.CharField(allow_null=True, help_text="The reserved resource that it queues for.")
    waiting_since = serializers.DateTimeField(allow_null=True)
    not_before = serializers.DateTimeField(allow_null=True, help_text="When it is looked at again.")
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    left_behind = serializers.BooleanField(help_text="It failed, and left something that its inverse removes.")
    result = serializers.DictField(help_text="What later steps use of it.")
    attempts = AttemptAnswer(many=True)


class TimelinePlan(serializers.Serializer[Any]):
    """This will describe one plan of a job: what it was asked for, its undo, its cleanup."""

    number = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=PlanKind.choices)
    state = serializers.ChoiceField(choices=PlanState.choices)
    stop_reason = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    steps = TimelineStep(many=True)


class StepsAnswer(serializers.Serializer[Any]):
    """This will describe all steps of a job."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    job_id = serializers.CharField()
    total_plans = serializers.IntegerField()
    plans = TimelinePlan(many=True)


class EventAnswer(serializers.Serializer[Any]):
    """This will describe one event of a job."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    message = serializers.CharField()
    step = serializers.CharField(allow_null=True, help_text="The key of the step it is about.")
    async_job_id = serializers.CharField(allow_null=True)
    actor = serializers.CharField(allow_null=True, help_text="Who asked for it.")
    fields = serializers.DictField(help_text="What else is known of it.")  # type: ignore[assignment]


class EventsAnswer(serializers.Serializer[Any]):
    """This will describe a page of a job's events, oldest first."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    job_id = serializers.CharField()
    returned_events = serializers.IntegerField()
    has_more = serializers.BooleanField()
    next_after = serializers.IntegerField(help_text="`after` of the next page, also of one that is empty yet.")
    events = EventAnswer(many=True)
