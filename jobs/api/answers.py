"""This will describe the answers about failover jobs, for the API's description."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from jobs.api.timeline_answers import TimelinePlan
from jobs.made import End, Kind
from jobs.models import AfterWindow, JobState, JobStatus, JobType, Outcome, Priority


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
    unknown_fields = serializers.DictField(required=False, help_text="Top-level fields that nobody knows, as sent.")


class StartedTest(StartData):
    """This will describe `data` of a test start; `test_duration` is the text that was sent."""

    test_duration = serializers.CharField()
    auto_cleanup = serializers.BooleanField()


class TestStartAnswer(StartAnswer):
    """This will describe a successful test start."""

    data = StartedTest()


class LeftoverAnswer(serializers.Serializer[Any]):
    """This will describe a thing that a job did not put back or remove, why, and what is to be done about it."""

    step = serializers.CharField(allow_blank=True, help_text="The step that was left undone.")
    what = serializers.CharField(help_text="The same in words.")
    resource_type = serializers.CharField(help_text="volume, snapshot, virtual_machine or replication.")
    name = serializers.CharField(help_text="Its name in the cloud, or the disk's.")
    id = serializers.CharField(help_text="CloudStack's id; of a replication the VM's.")
    is_replica = serializers.BooleanField(help_text="true: no failover of the VM before it is back and verified.")
    reason = serializers.CharField(help_text="Why it was left, and by whom.")
    to_do = serializers.CharField(help_text="What is to be done about it.")


class CleanupPlan(serializers.Serializer[Any]):
    """This will describe what a cleanup would do."""

    words = serializers.CharField(help_text="How much there is to remove.")
    steps = serializers.ListField(child=serializers.CharField(), help_text="What would be done, in this order.")


class CleanupAnswer(serializers.Serializer[Any]):
    """This will describe a cleanup that was taken, or is under way already; a dry run has `message` and `cleanup`."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    job_id = serializers.CharField(required=False)
    cleanup_status = serializers.CharField(required=False)
    estimated_cleanup_time = serializers.CharField(required=False)
    left_behind = LeftoverAnswer(
        many=True, required=False, help_text="What had to be left so far; the status lists it from then on."
    )
    cleanup = CleanupPlan(required=False, help_text="What a cleanup would do (dry_run only).")


class DiskEvidence(serializers.Serializer[Any]):
    """This will describe what is known of one disk of a test: the replica, the point it was cut at, the copy."""

    position = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    volume_id = serializers.CharField()
    change_id = serializers.CharField(allow_null=True)
    synced_at = serializers.CharField(allow_null=True)
    snapshot_id = serializers.CharField(allow_null=True)
    snapshot_begun_at = serializers.DateTimeField(allow_null=True)
    snapshot_done_at = serializers.DateTimeField(allow_null=True)
    clone_id = serializers.CharField(allow_null=True)


class HoldEvidence(serializers.Serializer[Any]):
    """This will describe for how long replication was held, and how that is known."""

    until = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    how = serializers.CharField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `from`, which is a word of the language."""
        return {"from": serializers.DateTimeField(allow_null=True), **super().get_fields()}


class OnePointEvidence(serializers.Serializer[Any]):
    """This will describe whether all snapshots are of one point; null when that was not compared."""

    proven = serializers.BooleanField(allow_null=True)
    compared_at = serializers.DateTimeField(allow_null=True)
    words = serializers.CharField(allow_null=True)


class NetworkEvidence(serializers.Serializer[Any]):
    """This will describe the network that a NIC of the test VM got."""

    source_network = serializers.CharField(allow_blank=True)
    network_id = serializers.CharField()
    mac = serializers.CharField(allow_null=True)
    ip = serializers.CharField(allow_null=True)


class MadeEvidence(serializers.Serializer[Any]):
    """This will describe one thing that the test made, what became of it, and what is to be done about it."""

    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    id = serializers.CharField()
    name = serializers.CharField(allow_null=True)
    what = serializers.CharField()
    end = serializers.ChoiceField(choices=[end.value for end in End])
    reason = serializers.CharField(allow_null=True)
    to_do = serializers.CharField(allow_null=True)


class Evidence(serializers.Serializer[Any]):
    """This will describe the proof that a test harmed no replica; all of it is read from the journal."""

    strategy = serializers.CharField()
    disks = DiskEvidence(many=True)
    replication_held = HoldEvidence()
    no_sync_in_between = OnePointEvidence()
    networks = NetworkEvidence(many=True)
    seconds_to_running = serializers.FloatField(allow_null=True)
    made = MadeEvidence(many=True)


class DebugDetails(serializers.Serializer[Any]):
    """This will describe what `debug_mode` adds to the status."""

    plans = TimelinePlan(many=True)


class TornReplica(serializers.Serializer[Any]):
    """This will describe what a replica held whose newest sync had stalled when a failover went on from it."""

    replication_id = serializers.CharField(help_text="The replication that fell silent.")
    status = serializers.CharField(help_text="What it last said of itself.")
    last_word_at = serializers.CharField(help_text="When it was last heard of.")
    last_sync_at = serializers.CharField(allow_null=True, help_text="The last sync that every disk finished.")
    torn_percentage = serializers.FloatField(help_text="How much of the torn sync may be written over that, 0 to 100.")
    accepted_by = serializers.CharField(help_text="Who asked to go on; the reason is the job's.")


class OlderSnapshot(serializers.Serializer[Any]):
    """This will describe the older snapshot that the copy of one disk was made of."""

    volume_id = serializers.CharField(help_text="The replica that it is of.")
    snapshot_id = serializers.CharField(help_text="The snapshot.")
    change_id = serializers.CharField(allow_null=True, help_text="How far the replica was then.")


class OlderSnapshots(serializers.Serializer[Any]):
    """This will describe the older snapshots that a test was made of."""

    job_id = serializers.CharField(help_text="The job that cut them.")
    taken_at = serializers.CharField(help_text="When the last of them was good.")
    disks = OlderSnapshot(many=True, help_text="One for each disk.")
    chosen_by = serializers.CharField(help_text="Who asked for it.")
    reason = serializers.CharField(help_text="Why.")


class RollbackWindowAnswer(serializers.Serializer[Any]):
    """This will describe the window in which a live failover's way back is meant to be used."""

    seconds = serializers.IntegerField(help_text="How long it was asked to be, in seconds.")
    ends_at = serializers.DateTimeField(allow_null=True, help_text="Null until the failover has succeeded.")
    then = serializers.ChoiceField(choices=AfterWindow.choices, help_text="What is done by itself at its end.")
    over_since = serializers.DateTimeField(
        allow_null=True, help_text="When the window ended and nothing more is done by itself."
    )


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
    notification_config = serializers.DictField(help_text="Addresses are shown by their host only.")
    unknown_fields = serializers.DictField(help_text="Top-level fields of the request that nobody knows, as sent.")
    warnings = serializers.ListField(child=serializers.CharField())
    requested_by = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    priority = serializers.ChoiceField(choices=[name.lower() for name in Priority.names])
    point_of_no_return_at = serializers.DateTimeField(allow_null=True)
    strategy = serializers.CharField(allow_null=True)
    window_opened_at = serializers.DateTimeField(allow_null=True)
    window_ends_at = serializers.DateTimeField(allow_null=True)
    overdue_since = serializers.DateTimeField(allow_null=True)
    evidence = Evidence(allow_null=True)
    left_behind = LeftoverAnswer(many=True)
    stalled_replication = TornReplica(
        allow_null=True, help_text="Set where the failover went on from a replica that may be torn; it stays for ever."
    )
    older_snapshots = OlderSnapshots(
        allow_null=True,
        help_text="Set where a test was made of older snapshots, not of the replica; it stays so.",
    )
    rollback_window = RollbackWindowAnswer(
        allow_null=True, help_text="The clock of a live failover's way back; null where none was asked for."
    )
    retry_of = serializers.CharField(allow_null=True, help_text="The failed job that this one tries again.")
    debug = DebugDetails(required=False)


class ActionAnswer(serializers.Serializer[Any]):
    """This will describe a verb that may be used now, or the reason why not."""

    action = serializers.CharField()
    allowed = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)


class VolumePlace(serializers.Serializer[Any]):
    """This will describe where one volume of a job should be, is recorded, and is in fact."""

    volume_id = serializers.CharField(help_text="CloudStack's id.")
    label = serializers.CharField(help_text="The disk, or what the job made it for.")  # type: ignore[assignment]
    is_replica = serializers.BooleanField(help_text="false: the job made it.")
    should_be = serializers.CharField(help_text="Where the plan wants it in the end.")
    is_recorded = serializers.CharField(help_text="Where the finished steps left it, as the journal says.")
    is_in_fact = serializers.CharField(help_text="Where CloudStack shows it, or why that was not read.")


class QuestionAnswer(serializers.Serializer[Any]):
    """This will describe a question that waits for an operator."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    question = serializers.CharField()
    seen = serializers.DictField()
    choices = serializers.ListField(child=serializers.DictField())
    volumes = VolumePlace(many=True, help_text="A map of every volume of the job; read again every minute.")
    volumes_read_at = serializers.DateTimeField(allow_null=True, help_text="When the cloud was read for the map.")
    asked_at = serializers.DateTimeField()


class StepAnswer(serializers.Serializer[Any]):
    """This will describe one step of the job's plans."""

    phase = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class QueueAnswer(serializers.Serializer[Any]):
    """This will describe a place in the queue; 1 goes next."""

    position = serializers.IntegerField(min_value=1)
    reason = serializers.CharField()


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
    queue = QueueAnswer(allow_null=True, help_text="where a failover stands that waits for its turn")
    steps = StepAnswer(many=True)
    allowed_actions = ActionAnswer(many=True)
    questions = QuestionAnswer(many=True)


class CancelPlan(serializers.Serializer[Any]):
    """This will describe what a cancel would undo."""

    words = serializers.CharField(help_text="How much there is to undo.")
    steps = serializers.ListField(child=serializers.CharField(), help_text="What would be done, in this order.")
    running = serializers.ListField(
        child=serializers.CharField(), help_text="What runs now: it is brought to its end first, and undone too."
    )


class PreviewedAnswer(StatusAnswer):
    """This will describe the answer to a verb that `dry_run=true` previews: the preview then stands alone."""

    shown_always: ClassVar[frozenset[str]] = frozenset({"success", "message"})

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Say that a dry run answers less."""
        fields = super().get_fields()
        for name, field in fields.items():
            if name not in self.shown_always:
                field.required = False
        return fields


class CancelAnswer(PreviewedAnswer):
    """This will describe the answer to a cancel; with `dry_run=true` only `message` and `cancel` are there."""

    cancel = CancelPlan(required=False, help_text="What would be undone (dry_run only).")


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
    window_ends_at = serializers.DateTimeField(allow_null=True)
    overdue_since = serializers.DateTimeField(allow_null=True)
    state = serializers.ChoiceField(choices=JobState.choices)
    outcome = serializers.ChoiceField(choices=Outcome.choices, allow_null=True)
    allowed_actions = ActionAnswer(many=True, required=False, help_text="With `include=allowed_actions`.")


class JobsAnswer(serializers.Serializer[Any]):
    """This will describe the list of jobs."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    total_jobs = serializers.IntegerField(help_text="Exact up to 10 000 matches, an estimate beyond.")
    total_is_estimate = serializers.BooleanField()
    returned_jobs = serializers.IntegerField()
    next_cursor = serializers.CharField(allow_null=True, help_text="For the next page; null on the last one.")
    jobs = JobRow(many=True)
    warnings = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Parameters that are not known, where there are any."
    )
