"""This will describe the answers of the debug routes, for the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from debugtools.log_reading import LEVELS
from jobs.api.answers import QuestionAnswer
from jobs.api.timeline_answers import TimelinePlan
from jobs.models import JobState, JobStatus, JobType, Outcome
from jobs.verification.findings import Drift, Weight


class CloudHealthAnswer(serializers.Serializer[Any]):
    """This will describe whether a target cloud answers just now, and what its last probe left."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["reachable", "unreachable"])
    trouble = serializers.CharField(allow_blank=True, help_text="What is wrong, in words.")
    version = serializers.CharField(allow_blank=True)
    clock_skew_seconds = serializers.FloatField(allow_null=True)
    probed_at = serializers.DateTimeField(allow_null=True)
    probe_doubt = serializers.CharField(allow_blank=True)


class WatcherHealthAnswer(serializers.Serializer[Any]):
    """This will describe when somebody last watched async jobs and swept for due work."""

    last_tick_at = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.FloatField(allow_null=True)
    owner = serializers.CharField(allow_null=True)
    living_processes = serializers.IntegerField()


class PulseHealthAnswer(serializers.Serializer[Any]):
    """This will describe when a part last ended a round: a sweep, or a canary's way through the broker to a worker."""

    last_at = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True, help_text="How long that round took, where it is measured.")


class BrokerHealthAnswer(serializers.Serializer[Any]):
    """This will describe whether wake-ups can be sent."""

    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=["connected", "unreachable"])
    error = serializers.CharField(allow_blank=True)


class DriftAnswer(serializers.Serializer[Any]):
    """This will describe one difference between a cloud and what inventory and journal say."""

    drift = serializers.ChoiceField(choices=[drift.value for drift in Drift], help_text="Which kind it is.")
    weight = serializers.ChoiceField(choices=[weight.value for weight in Weight], help_text="How bad it is.")
    subject = serializers.CharField(help_text="What differs: volume, virtual machine, appliance, snapshot, network.")
    id = serializers.CharField(help_text="CloudStack's id of it.")
    name = serializers.CharField(allow_blank=True, help_text="Its name in the cloud.")
    words = serializers.CharField(help_text="The difference in words.")
    what_to_do = serializers.CharField(help_text="What is to be done about it.")
    job_id = serializers.CharField(allow_blank=True, help_text="The job that has to do with it.")


class WorldHealthAnswer(serializers.Serializer[Any]):
    """This will describe what the last comparison of a cloud with inventory and journal found."""

    cloud = serializers.CharField(help_text="The target cloud.")
    looked_at = serializers.DateTimeField(help_text="When the newest look began.")
    seconds = serializers.FloatField(help_text="How long it took.")
    trouble = serializers.CharField(allow_blank=True, help_text="Why the cloud could not be read; blank: it was.")
    read_at = serializers.DateTimeField(allow_null=True, help_text="When it was last read whole: the findings' time.")
    age_seconds = serializers.FloatField(allow_null=True, help_text="The same as seconds ago.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Differences by kind; those found only.")
    findings = DriftAnswer(many=True, help_text="The differences, the worst first; at most 50.")


class HealthDetails(serializers.Serializer[Any]):
    """This will describe what is behind the components."""

    clouds = CloudHealthAnswer(many=True)
    watcher = WatcherHealthAnswer()
    sweeper = PulseHealthAnswer()
    canary = PulseHealthAnswer()
    worlds = WorldHealthAnswer(many=True, help_text="The clouds as the periodic comparison last found them.")
    broker = BrokerHealthAnswer()


class HealthComponents(serializers.Serializer[Any]):
    """This will describe how each component is."""

    database = serializers.ChoiceField(choices=["connected", "disconnected"])
    ossea_client = serializers.ChoiceField(choices=["configured", "not configured", "unreachable", "unknown"])
    failover_engines = serializers.ChoiceField(choices=["initialized", "not running", "stalled", "unknown"])
    api_server = serializers.ChoiceField(choices=["running"])


class HealthMetrics(serializers.Serializer[Any]):
    """This will describe how much there is of what."""

    active_failover_jobs = serializers.IntegerField()
    total_vms_discovered = serializers.IntegerField()
    ossea_volumes = serializers.IntegerField()
    network_mappings = serializers.IntegerField()


class HealthAnswer(serializers.Serializer[Any]):
    """This will describe how the service is."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    status = serializers.ChoiceField(choices=["healthy", "degraded"])
    authentication = serializers.ChoiceField(choices=["required", "disabled"])
    components = HealthComponents()
    metrics = HealthMetrics()
    problems = serializers.ListField(child=serializers.CharField(), help_text="What is wrong, and what to do.")
    details = HealthDetails()


class MethodAnswer(serializers.Serializer[Any]):
    """This will describe one method of an endpoint."""

    method = serializers.CharField()
    role = serializers.CharField(help_text="viewer, operator, admin, or public: no token is needed.")
    summary = serializers.CharField(allow_blank=True)


class EndpointAnswer(serializers.Serializer[Any]):
    """This will describe one endpoint."""

    path = serializers.CharField()
    name = serializers.CharField(help_text="The route's name, by which the table of roles knows it.")
    methods = MethodAnswer(many=True)


class EndpointsAnswer(serializers.Serializer[Any]):
    """This will describe the list of endpoints."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    total_endpoints = serializers.IntegerField()
    endpoints = EndpointAnswer(many=True)


class LogRecordAnswer(serializers.Serializer[Any]):
    """This will describe one log record; `fields` is what it says beside the rest."""

    timestamp = serializers.CharField(allow_null=True)
    level = serializers.ChoiceField(choices=LEVELS)
    logger = serializers.CharField(allow_null=True)
    event = serializers.CharField()
    job_id = serializers.CharField(allow_null=True)
    request_id = serializers.CharField(allow_null=True)
    fields = serializers.DictField()  # type: ignore[assignment]


class LogSource(serializers.Serializer[Any]):
    """This will describe where the records were read."""

    kind = serializers.ChoiceField(choices=["file", "none"])
    host = serializers.CharField(help_text="Records of other hosts are in those hosts' logs.")
    covers = serializers.CharField()


class LogsAnswer(serializers.Serializer[Any]):
    """This will describe a page of the log, newest record first."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    source = LogSource()  # type: ignore[assignment]
    returned_records = serializers.IntegerField()
    records = LogRecordAnswer(many=True)
    next_cursor = serializers.CharField(
        allow_null=True, help_text="Where older records begin, also after an empty page; null at the end."
    )
    unreadable_lines = serializers.IntegerField()
    warnings = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Parameters that are not known, where there are any."
    )


class ReservationAnswer(serializers.Serializer[Any]):
    """This will describe a resource that an unfinished attempt touches."""

    resource = serializers.CharField()
    taken_at = serializers.DateTimeField()
    async_job_id = serializers.CharField()


class JobInternals(serializers.Serializer[Any]):
    """This will describe a job as the journal holds it."""

    job_id = serializers.CharField()
    job_type = serializers.ChoiceField(choices=JobType.choices)
    vm_id = serializers.CharField()
    status = serializers.ChoiceField(choices=JobStatus.choices)
    state = serializers.ChoiceField(choices=JobState.choices)
    outcome = serializers.ChoiceField(choices=Outcome.choices, allow_null=True)
    request_id = serializers.CharField(allow_null=True, help_text="The API request that started it.")
    marker = serializers.CharField()
    endpoint = serializers.CharField()
    strategy = serializers.CharField(allow_null=True)
    defects = serializers.IntegerField()
    error_code = serializers.CharField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    next_look_at = serializers.DateTimeField(allow_null=True)
    point_of_no_return_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    cleanup_requested_at = serializers.DateTimeField(allow_null=True)
    holds_vm = serializers.BooleanField(help_text="Whether this job's reservation keeps others off its VM.")
    reservations = ReservationAnswer(many=True)
    open_questions = QuestionAnswer(many=True)
    plans = TimelinePlan(many=True)


class ProcessAnswer(serializers.Serializer[Any]):
    """This will describe a process that carries steps."""

    owner = serializers.CharField()
    host = serializers.CharField()
    pid = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    is_valid = serializers.BooleanField()  # type: ignore[assignment]


class RoleAnswer(serializers.Serializer[Any]):
    """This will describe what only one process does at a time, and which one does."""

    role = serializers.CharField()
    owner = serializers.CharField()
    valid_until = serializers.DateTimeField()
    is_valid = serializers.BooleanField()  # type: ignore[assignment]
    last_tick_at = serializers.DateTimeField(allow_null=True)


class LeasesAnswer(serializers.Serializer[Any]):
    """This will describe who is alive."""

    processes = ProcessAnswer(many=True)
    roles = RoleAnswer(many=True)


class InternalsAnswer(serializers.Serializer[Any]):
    """This will describe a page of jobs' internals, newest job first."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    total_jobs = serializers.IntegerField()
    returned_jobs = serializers.IntegerField()
    jobs = JobInternals(many=True)
    leases = LeasesAnswer()
    warnings = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Parameters that are not known, where there are any."
    )
