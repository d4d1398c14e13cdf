"""This will play the test failovers: start, a look at the running test VM, the evidence, and the cleanup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from debugtools.demo.cast import NETWORK_NAMES, SHORT_TEST_SECONDS, Role
from debugtools.demo.endings import show_trouble
from debugtools.demo.following import SETTLED, Answer, Follower, short, time_of
from debugtools.demo.stage import Stage
from debugtools.demo.truth import show_world
from debugtools.demo.verdict import Claim, Rehearsal
from debugtools.demo.verdict_of_tests import judge_window
from debugtools.demo.world import World

_LONG_TEST = "2h"
_STRATEGIES = {
    "clone": "the replicas stay on the appliance; snapshots of them are copied",
    "detached_clone": "this cloud takes no snapshots of running VMs, so each replica leaves the appliance for its "
    "snapshot and returns at once",
}


@dataclass(frozen=True)
class _Test:
    """A test under way."""

    stage: Stage
    role: Role
    job_id: str
    follower: Follower

    @classmethod
    def start(cls, stage: Stage, role: Role, *, duration: str, auto_cleanup: bool) -> _Test:
        answer = stage.operator.post(
            "/api/v1/failover/test",
            {
                "vm_id": role.vm_id,
                "vm_name": role.name,
                "test_duration": duration,
                "auto_cleanup": auto_cleanup,
                "reason": "demo",
            },
        )
        stage.screen.say(f"{role.name}: {answer['message']}; it should take {answer['estimated_duration']}")
        stage.screen.say(f"  job {answer['job_id']}", style="dim")
        stage.screen.gap()
        return cls(stage, role, answer["job_id"], Follower(stage))

    def until(self, *states: str) -> Answer:
        """Follow it to one of the states, or to where it does nothing more by itself."""
        wanted = SETTLED.union(states)
        answers = self.follower.follow({self.role.name: self.job_id}, seconds=self.stage.patience, until=wanted)
        self.stage.screen.gap()
        return answers[self.role.name]


def tested_by_request(stage: Stage, role: Role, *, before: World) -> tuple[Rehearsal, list[Claim]]:
    """Test a VM for two hours at most, and end the test by a request long before that."""
    stage.screen.heading(f"A test failover, ended by request: {role.name}")
    test = _Test.start(stage, role, duration=_LONG_TEST, auto_cleanup=False)
    answer, during = test.until("window_open"), stage.world()
    rehearsal = Rehearsal.seen(role, _target(answer), before=before, during=during)
    if answer["state"] == "window_open":
        _show_evidence(stage, role, answer)
        stage.screen.gap()
        show_world(stage.screen, during)
        stage.screen.gap()
        _ask_for_cleanup(test)
        answer = test.until()
    _show_end(test, answer)
    return rehearsal, judge_window(before=before, during=during, rehearsal=rehearsal)


def tested_by_the_clock(stage: Stage, role: Role, *, before: World) -> tuple[Rehearsal, list[Claim]]:
    """Test a VM for some seconds, and let the clock end the test: nobody asks for the cleanup."""
    stage.screen.heading(f"A test failover, ended by the clock: {role.name}, for {SHORT_TEST_SECONDS} s")
    test = _Test.start(stage, role, duration=f"{SHORT_TEST_SECONDS}s", auto_cleanup=True)
    answer, during = test.until("window_open"), stage.world()
    rehearsal = Rehearsal.seen(role, _target(answer), before=before, during=during)
    if answer["state"] == "window_open":
        _show_evidence(stage, role, answer)
        stage.screen.gap()
        answer = test.until()
    _show_end(test, answer)
    by_clock = Claim(
        f"{role.name}: its test was ended by the clock, not before its time was over", _not_by_clock(answer)
    )
    return rehearsal, [*judge_window(before=before, during=during, rehearsal=rehearsal), by_clock]


def _target(answer: Answer) -> str:
    return str(answer["job_details"]["destination_vm_id"] or "")


def _ask_for_cleanup(test: _Test) -> None:
    answer = test.stage.operator.delete(f"/api/v1/failover/test/{test.job_id}")
    status = str(answer["cleanup_status"]).replace("_", " ")
    test.stage.screen.say(f"DELETE: {answer['message']}; {status}, it should take {answer['estimated_cleanup_time']}")
    test.stage.screen.gap()


def _show_evidence(stage: Stage, role: Role, answer: Answer) -> None:
    screen, details = stage.screen, answer["job_details"]
    evidence = details["evidence"]
    screen.good(f"{role.name}'s test VM runs, {evidence['seconds_to_running']:.1f} s after it was asked for")
    screen.fact("Strategy:", f"{evidence['strategy']}: {_STRATEGIES.get(evidence['strategy'], '')}")
    for disk in evidence["disks"]:
        cut = f"{time_of(disk['snapshot_begun_at']):%H:%M:%S} to {time_of(disk['snapshot_done_at']):%H:%M:%S}"
        screen.fact(f"{short(disk['label'])}:", f"change id {disk['change_id']}")
        screen.fact("", f"snapshot {disk['snapshot_id']}, cut {cut}", style="dim")
        screen.fact("", f"copy {disk['clone_id']}", style="dim")
    screen.fact("Replication:", _held(evidence["replication_held"]))
    screen.fact("One point:", evidence["no_sync_in_between"]["words"])
    networks = [(nic["source_network"], NETWORK_NAMES.get(nic["network_id"], "?")) for nic in evidence["networks"]]
    screen.fact("Networks:", ", ".join(f"{source} on {target}" for source, target in networks))
    opened, ends = time_of(details["window_opened_at"]), time_of(details["window_ends_at"])
    after = "is cleaned up then" if details["custom_config"]["auto_cleanup"] else "waits for a cleanup by request"
    screen.fact("Window:", f"{opened:%H:%M:%S} to {ends:%H:%M:%S}, {after}")


def _held(held: dict[str, Any]) -> str:
    if held["seconds"] is None:
        return "not held"
    how = f" ({held['how']})" if held["how"] else ""
    return f"held for {held['seconds']:.1f} s, while the snapshots were cut{how}"


def _show_end(test: _Test, answer: Answer) -> None:
    screen, name = test.stage.screen, test.role.name
    if answer["outcome"] != "succeeded":
        show_trouble(screen, name, answer)
        return
    made = answer["job_details"]["evidence"]["made"]
    screen.good(f"{name}'s test is over and cleaned up, {answer['duration'] / 1e9:.1f} s after its start:")
    for thing in made:
        screen.say(f"    {short(thing['what'])}: {_end(thing)}")
        if thing["to_do"]:
            screen.advice(thing["to_do"])


def _end(thing: dict[str, Any]) -> str:
    end = str(thing["end"]).replace("_", " ")
    return f"{end}: {thing['reason']}" if thing["reason"] else end


def _not_by_clock(answer: Answer) -> tuple[str, ...]:
    """Tell what speaks against it: a cleanup that never began, or began before the window was over."""
    begun = [step["started_at"] for step in answer["steps"] if step["phase"] == "cleanup" and step["started_at"]]
    ends = answer["job_details"]["window_ends_at"]
    if not begun or ends is None:
        return ("no cleanup began",)
    early = (time_of(ends) - min(time_of(at) for at in begun)).total_seconds()
    return (f"the cleanup began {early:.1f} s before the end of the window",) if early > 0 else ()
