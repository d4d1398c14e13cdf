"""This will tell from the journal what a job made in the cloud, and what became of each thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from jobs.models import FailoverJob, JobState, PlanKind, Step, StepState

# The event of a job whose orphan was removed; its fields name the id.
REMOVED_EVENT = "orphan_removed"


class Kind(StrEnum):
    """What a job makes, in the words of the gateway's destroy port."""

    MACHINE = "virtual_machine"
    VOLUME = "volume"
    SNAPSHOT = "snapshot"


# States in which CloudStack still lists a thing that is no longer there.
GONE = {
    Kind.MACHINE: frozenset({"Destroyed", "Expunging"}),
    Kind.VOLUME: frozenset({"Destroy", "Destroyed", "Expunging", "Expunged"}),
    Kind.SNAPSHOT: frozenset({"Destroyed", "Destroying"}),
}


class End(StrEnum):
    """What became of a thing that a job made."""

    IN_USE = "in_use"
    BEING_REMOVED = "being_removed"
    REMOVED = "removed"
    EXPUNGE_PENDING = "expunge_pending"
    KEPT = "kept"
    LEFT_BEHIND = "left_behind"


@dataclass(frozen=True)
class Made:
    """One thing that a step made. `volume_id` is the disk that a snapshot is of; an unnamed thing has no name."""

    kind: Kind
    id: str
    name: str
    what: str
    volume_id: str
    # Keys of the steps that remove it, the surest first.
    enders: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """What became of a thing, and why where that needs a word."""

    end: End
    reason: str = ""


def made_by(steps: Iterable[Step]) -> list[Made]:
    """Give what these steps made, in the order of the plan; a failed step counts when it left something."""
    made: list[Made] = []
    for step in steps:
        if step.state == StepState.DONE or step.left_behind:
            made += _made_by(step)
    return made


def _made_by(step: Step) -> list[Made]:
    asked, result, undo = step.arguments, step.result, f"undo-{step.key}"
    match step.command:
        case "deploy_target":
            machine = Made(Kind.MACHINE, result["vm_id"], asked["vm_name"], "the target VM", "", (undo,))
            root = result.get("root_volume_id", "")
            enders = ("undo-detach-placeholder", "delete-placeholder", undo)
            placeholder = Made(Kind.VOLUME, root, "", "the placeholder disk of the target VM", "", enders)
            return [machine, placeholder] if root else [machine]
        case "take_snapshot":
            words = f"the snapshot of {asked['label']}"
            name, volume_id = asked["snapshot_name"], asked["volume_id"]
            return [Made(Kind.SNAPSHOT, result["snapshot_id"], name, words, volume_id, (undo,))]
        case "create_clone":
            words = f"the copy of {asked['label']}"
            return [Made(Kind.VOLUME, result["volume_id"], asked["clone_name"], words, "", (undo,))]
        case _:
            return []


def end_of(made: Made, *, job: FailoverJob, steps: Sequence[Step]) -> Ended:
    """Say what became of it; `steps` are all steps of the job in the order of their plans."""
    newest = {step.key: step for step in steps}
    enders = [newest[key] for key in made.enders if key in newest]
    done = next((step for step in enders if step.state == StepState.DONE), None)
    if done is not None:
        return _ended_by(done)
    undoing = [step for step in enders if step.plan.kind != PlanKind.FORWARD]
    if any(step.state in {StepState.WAITING, StepState.RUNNING} for step in undoing):
        return Ended(End.BEING_REMOVED, next((step.reason for step in undoing if step.reason), ""))
    if job.state == JobState.FINISHED:
        words = next((step.reason for step in undoing if step.reason), "")
        return Ended(End.LEFT_BEHIND, words or "An operator chose to leave it.")
    return Ended(End.IN_USE)


def _ended_by(step: Step) -> Ended:
    if "kept" in step.result:
        return Ended(End.KEPT, "The disk was booted: until its replica is verified this is all there is to compare.")
    if step.result.get("expunge_pending"):
        return Ended(End.EXPUNGE_PENDING, "CloudStack has destroyed it and has not yet expunged it.")
    return Ended(End.REMOVED)
