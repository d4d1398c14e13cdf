"""A watcher of many clouds: a silent one holds up no other, a slow one is asked seldom, and a defect is not hidden."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest
from django.db import connections

from cloudstack import Answer, NoAnswer
from cloudstack_simulator import SteppedClock
from inventory.models import TargetCloud
from jobs.engine.crew import QuestionsSideBySide, RoundsSideBySide
from jobs.engine.endpoint_watch import Pace
from jobs.engine.watcher import Watcher
from jobs.models import AttemptState, StepAttempt
from tests.support.scenes import Scene, scene
from tests.support.simulator_line import SimulatorLine

# No test waits so long where all is well.
PATIENCE = 30.0


@dataclass
class SilentLine:
    """Answers nothing until the test gives up for it."""

    asked: threading.Event = field(default_factory=threading.Event)
    given_up: threading.Event = field(default_factory=threading.Event)

    def post(self, form: bytes, *, timeout: float, max_answer_bytes: int) -> Answer:
        """Keep the caller waiting."""
        self.asked.set()
        self.given_up.wait(PATIENCE)
        raise NoAnswer("no answer", repeatable=False)


class SlowLine(SimulatorLine):
    """Answers after so many seconds of the simulator's clock."""

    seconds = 0.0

    def post(self, form: bytes, *, timeout: float, max_answer_bytes: int) -> Answer:
        """Let time go by."""
        assert isinstance(self._simulator.clock, SteppedClock)
        self._simulator.clock.advance(self.seconds)
        return super().post(form, timeout=timeout, max_answer_bytes=max_answer_bytes)


def _two_out(stage: Scene) -> list[StepAttempt]:
    """Start two failovers, and give an attempt of each whose async job has ended in the cloud, unheard."""
    for vm in ("vm-one", "vm-two"):
        stage.service.start_live(vm)
    out = StepAttempt.objects.filter(state=AttemptState.SUBMITTED).order_by("pk")
    stage.service.run(until=lambda: out.values("step__plan__job").distinct().count() == 2)
    assert isinstance(stage.simulator.clock, SteppedClock)
    stage.simulator.clock.advance(60.0)
    by_job = {attempt.step.plan.job_id: attempt for attempt in out.select_related("step__plan")}
    StepAttempt.objects.filter(state=AttemptState.SUBMITTED).exclude(pk__in=[one.pk for one in by_job.values()]).update(
        state=AttemptState.ANSWERED, answered_at=stage.service.clock.now(), answer={"kind": "succeeded"}
    )
    return list(by_job.values())


def _on_another_cloud(stage: Scene, attempt: StepAttempt, line: SilentLine) -> TargetCloud:
    """Let the attempt have been made on a cloud of its own, to which this line leads."""
    other = TargetCloud.objects.get()
    other.pk, other.uuid, other.name = None, stage.service.engine.new_id(), "another"
    other.save()
    StepAttempt.objects.filter(pk=attempt.pk).update(endpoint=str(other.uuid))
    stage.service.lead(other, line)
    return other


def _close_connections(rounds: RoundsSideBySide, *, threads: int) -> None:
    """Let each thread end its connection, so that the test's database can be dropped."""
    all_here = threading.Barrier(threads)

    def close() -> None:
        all_here.wait(PATIENCE)
        connections.close_all()

    for number in range(threads):
        rounds.begin(f"close-{number}", close)
    rounds.wait(PATIENCE)


@pytest.mark.django_db(transaction=True)
def test_a_silent_cloud_holds_up_no_other() -> None:
    stage = scene()
    heard, unheard = _two_out(stage)
    line = SilentLine()
    other = _on_another_cloud(stage, unheard, line)
    rounds = RoundsSideBySide(most=2)
    watcher = Watcher(stage.service.engine, rounds=rounds)

    deadline = time.monotonic() + PATIENCE
    while StepAttempt.objects.get(pk=heard.pk).state == AttemptState.SUBMITTED and time.monotonic() < deadline:
        watcher.watch_once(at_most=0.05)

    assert StepAttempt.objects.get(pk=heard.pk).state == AttemptState.ANSWERED
    assert line.asked.wait(PATIENCE)
    assert rounds.under_way(str(other.uuid))
    line.given_up.set()
    while rounds.under_way(str(other.uuid)) and time.monotonic() < deadline:
        watcher.watch_once(at_most=0.05)
    # It is asked again later: its answer waits in the cloud.
    assert StepAttempt.objects.get(pk=unheard.pk).state == AttemptState.SUBMITTED
    assert watcher.next_look_at() == pytest.approx(stage.simulator.clock.now() + Pace().longest, abs=0.01)
    _close_connections(rounds, threads=2)


def test_what_goes_wrong_in_a_round_ends_whoever_began_it() -> None:
    rounds = RoundsSideBySide(most=1)

    def fail() -> None:
        raise ZeroDivisionError

    rounds.begin("one", fail)
    with pytest.raises(ZeroDivisionError):
        rounds.wait(PATIENCE)


def test_a_round_that_outlasts_the_wait_still_tells_what_went_wrong() -> None:
    rounds, goes_on = RoundsSideBySide(most=1), threading.Event()

    def fail() -> None:
        goes_on.wait(PATIENCE)
        raise ZeroDivisionError

    rounds.begin("one", fail)
    rounds.wait(0.0)
    assert rounds.under_way("one")
    goes_on.set()
    with pytest.raises(ZeroDivisionError):
        while rounds.under_way("one"):
            rounds.wait(0.01)


def test_many_questions_go_out_at_once_and_the_answers_come_before_the_failure() -> None:
    together = threading.Barrier(4)
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        together.wait(PATIENCE)
        if number == 1:
            raise ConnectionError
        return number * 10

    heard: list[tuple[int, int]] = []
    with pytest.raises(ConnectionError):
        for pair in QuestionsSideBySide(most=4).each(ask, range(8)):
            heard.append(pair)

    assert heard == [(0, 0), (2, 20), (3, 30)]
    # Whoever has not answered one is asked no more.
    assert sorted(asked) == [0, 1, 2, 3]


@pytest.mark.django_db
@pytest.mark.parametrize(("took", "rest"), [(0.0, 0.1), (0.01, 0.2), (0.1, 0.5)])
def test_the_longer_a_cloud_takes_for_its_list_the_longer_it_is_left_alone(took: float, rest: float) -> None:
    stage = scene()
    stage.service.start_live("vm-one")
    stage.service.run(until=StepAttempt.objects.filter(state=AttemptState.SUBMITTED).exists)
    line = SlowLine(stage.simulator)
    line.seconds = took
    stage.service.lead(TargetCloud.objects.get(), line)
    stage.service.start_process()
    watcher = Watcher(stage.service.engine, Pace(few=0))

    watcher.watch_once()

    assert watcher.next_look_at() == pytest.approx(stage.simulator.clock.now() + rest, abs=0.01)
