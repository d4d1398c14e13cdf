"""This will name what a job had to leave in the cloud: which resource, why, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jobs.destroy_port import was_ever_replica
from jobs.engine import windows
from jobs.made import End, Made, end_of, made_by
from jobs.models import FailoverJob, JobType, PlanKind, Question, Step, StepState

FORCED = "cleanup_forced"
_REPLICA = "replica"
_NOT_REVERTED = "not_reverted"
# What a step of an undo is about: the type of the resource, and the argument that holds its id.
RESOURCES = {
    "attach_to_appliance": ("volume", "volume_id"),
    "delete_clone": ("volume", "volume_id"),
    "delete_placeholder": ("volume", "root_volume_id"),
    "delete_snapshot": ("snapshot", "snapshot_id"),
    "destroy_target": ("virtual_machine", "target_vm_id"),
    "detach_from_appliance": ("volume", "volume_id"),
    "detach_from_target": ("volume", "volume_id"),
    "protect_target": ("virtual_machine", "target_vm_id"),
    "release_replication": ("replication", "vm_id"),
    "revert_snapshot": ("volume", "volume_id"),
    "stop_target": ("virtual_machine", "target_vm_id"),
}
_TO_DO = {
    "volume": "Find out in CloudStack what holds it and detach it there, then ask for the {verb} again.",
    "snapshot": "Find out in CloudStack why it can't be removed, then ask for the {verb} again.",
    "virtual_machine": "Stop it in CloudStack, see that no replica hangs on it, then ask for the {verb} again.",
    "replication": "Let the replication engine go on with this VM by hand.",
    _REPLICA: "Remove what stands in the way, then ask for the {verb} again; or bring it back to its appliance in "
    "CloudStack yourself, at its old device, and have it verified before the next failover.",
    _NOT_REVERTED: "It was not brought back to its rollback point: while it hangs nowhere ask for the rollback again; "
    "on its appliance have it replicated in full, or verified, before the next failover.",
}
_VERBS = {PlanKind.CLEANUP: "cleanup", PlanKind.ROLLBACK: "rollback", PlanKind.COMMIT: "commit"}
_LEFT = "An operator ended the job and left everything where it was."


def left_behind(job: FailoverJob, steps: Sequence[Step] | None = None) -> list[dict[str, Any]]:
    """List what the job did not put back or remove though it was undone, cleaned or left; `steps` are all of the job.

    Steps that were skipped are there until a later cleanup did them; of a job that was left where it was, all it made.
    """
    if steps is None:
        steps = list(Step.objects.filter(plan__job=job).select_related("plan").order_by("plan__number", "position"))
    undone = [step for step in steps if step.plan.kind != PlanKind.FORWARD]
    newest = {step.key: step for step in undone}
    keys = dict.fromkeys(step.key for step in undone if step.state == StepState.SKIPPED)
    skipped = [newest[key] for key in keys if newest[key].state != StepState.DONE]
    for step in skipped:
        step.plan.job = job
    entries = [entry_of(step, steps=steps) for step in skipped]
    return entries + _left_where_it_was(job, steps) if not undone else entries


def entry_of(step: Step, *, steps: Iterable[Step] | None = None) -> dict[str, Any]:
    """Give what a skipped step leaves: its resource with type, name and id, why it was left and what to do."""
    if steps is None:
        steps = Step.objects.filter(plan__job=step.plan.job_id, plan__kind=PlanKind.FORWARD)
    kind, argument = RESOURCES.get(step.command, ("step", ""))
    id = str(step.arguments.get(argument, ""))
    names = {made.id: made.name for made in made_by(steps)}
    is_replica = kind == "volume" and was_ever_replica(id)
    return {
        "step": step.key,
        "what": step.title,
        "resource_type": kind,
        "name": names.get(id) or str(step.arguments.get("label", "")) or id,
        "id": id,
        "is_replica": is_replica,
        "reason": _why(step),
        "to_do": _to_do(_what_to_do(step) if is_replica else kind, verb=_verb_of(step)),
    }


def _what_to_do(step: Step) -> str:
    return _NOT_REVERTED if step.command == "revert_snapshot" else _REPLICA


def _to_do(what: str, *, verb: str) -> str:
    return _TO_DO.get(what, "See the runbook.").format(verb=verb)


def _verb_of(step: Step) -> str:
    """Name the verb that goes on with the step once its obstacle is gone."""
    return _VERBS.get(PlanKind(step.plan.kind)) or _verb_for(step.plan.job)


def _verb_for(job: FailoverJob) -> str:
    return "rollback" if job.job_type == JobType.LIVE else "cleanup"


def may_be_left(step: Step) -> bool:
    """Whether a forced cleanup may leave the step undone: it is about what the test made, never about a replica."""
    kind, argument = RESOURCES.get(step.command, ("", ""))
    if kind == "volume":
        return not was_ever_replica(str(step.arguments[argument]))
    return kind in {"snapshot", "virtual_machine"}


def forced_by(job: FailoverJob) -> str:
    """Say who had the job's cleanup forced, nothing when nobody had; another cleanup, or another try, begins afresh."""
    newest = job.events.filter(kind__in=[FORCED, "cleanup_requested", "retried"]).order_by("-pk").first()
    return (newest.actor or "an operator") if newest is not None and newest.kind == FORCED else ""


def _why(step: Step) -> str:
    question = Question.objects.filter(step=step, answer="skip").order_by("-answered_at").first()
    if question is None:
        return _LEFT if step.plan.stop_reason == windows.LEFT else step.reason or "It was left."
    words = question.text.removesuffix(" What shall become of it?")
    by = f"{question.answered_by or 'An operator'} left it"
    return f"{words} {by}{f': {question.answer_reason}' if question.answer_reason else '.'}"


def _left_where_it_was(job: FailoverJob, steps: Sequence[Step]) -> list[dict[str, Any]]:
    left = windows.left_by(job)
    if left is None or left.kind != PlanKind.FORWARD:
        return []
    standing = [made for made in made_by(steps) if end_of(made, job=job, steps=steps).end == End.LEFT_BEHIND]
    off = [step for step in steps if step.command == "detach_from_appliance" and step.state == StepState.DONE]
    back = {step.arguments["volume_id"] for step in steps if _returned(step)}
    taken = [entry_of(step, steps=steps) | {"reason": _LEFT} for step in off]
    return [entry for entry in taken if entry["id"] not in back] + [_entry_of_made(made, job=job) for made in standing]


def _returned(step: Step) -> bool:
    return step.command == "return_to_appliance" and step.state == StepState.DONE


def _entry_of_made(made: Made, *, job: FailoverJob) -> dict[str, Any]:
    return {
        "step": "",
        "what": made.what,
        "resource_type": str(made.kind),
        "name": made.name or made.id,
        "id": made.id,
        "is_replica": False,
        "reason": _LEFT,
        "to_do": _to_do(str(made.kind), verb=_verb_for(job)),
    }
