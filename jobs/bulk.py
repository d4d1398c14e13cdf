"""This will start many failovers in one request: each for itself, and none of them waits for a cloud that is silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cloudstack import Gateway
from inventory.models import TargetCloud
from jobs.errors import CloudNotUsable, CloudSilent, JobError, ListedTwice
from jobs.plans.resolve import Unresolvable
from jobs.runtime import Gateways
from validation.errors import NotReady

MOST_STARTS = 500

Refusal = JobError | NotReady | Unresolvable
_ABOUT_THE_CLOUD = frozenset({"OSSEA_API_ERROR", "OSSEA_NOT_CONFIGURED"})


@dataclass(frozen=True)
class Ended:
    """This will say what became of one start: its answer, or the refusal."""

    vm_id: str | None
    answer: dict[str, Any] | None = None
    refusal: Refusal | None = None


class PatientOnce:
    """This will give gateways, and refuse at once a cloud that an earlier start of the same bulk found silent.

    A hanging cloud costs its first VM up to ten seconds, and the others nothing.
    """

    def __init__(self, gateways: Gateways) -> None:
        self._gateways = gateways
        self._silent: dict[int, CloudNotUsable] = {}
        self._asked: int | None = None

    def __call__(self, cloud: TargetCloud) -> Gateway:
        """Give the gateway; raises what is known of a silent cloud."""
        self._asked = cloud.pk
        if cloud.pk in self._silent:
            raise self._silent[cloud.pk]
        return self._gateways(cloud)

    def learn_from(self, refusal: Refusal) -> None:
        """Remember the cloud that was asked last as silent, when the refusal says so."""
        if self._asked is None:
            return
        if isinstance(refusal, CloudNotUsable):
            self._silent[self._asked] = refusal
        elif isinstance(refusal, NotReady) and (reason := refusal.verdict.facts.cloud.unreachable):
            self._silent[self._asked] = _silent(refusal, reason)


def start_each(
    vm_ids: Sequence[str | None], *, gateways: Gateways, start: Callable[[int, Gateways], dict[str, Any]]
) -> Iterator[Ended]:
    """Start one after the other; `start` takes the position in the list and raises a Refusal.

    A VM that is listed again is refused: which of its options would count?
    """
    patient, seen = PatientOnce(gateways), set[str | None]()
    for position, vm_id in enumerate(vm_ids):
        try:
            if vm_id is not None and vm_id in seen:
                raise ListedTwice(vm_id)
            seen.add(vm_id)
            yield Ended(vm_id, answer=start(position, patient))
        except (JobError, NotReady, Unresolvable) as refusal:
            patient.learn_from(refusal)
            yield Ended(vm_id, refusal=refusal)


def _silent(refusal: NotReady, reason: str) -> CloudSilent:
    """Give what the refusal says of the cloud, without what it says of the VM."""
    about = [judged for judged in refusal.blocking if judged.error_code in _ABOUT_THE_CLOUD]
    actions = [action for judged in about for action in judged.finding.required_actions]
    texts = [text for judged in about for text in judged.finding.errors]
    code = about[0].error_code if about else "OSSEA_API_ERROR"
    return CloudSilent("; ".join(texts) or reason, error_code=code, required_actions=tuple(actions))
