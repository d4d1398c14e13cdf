"""This will tell the demo's story, act by act; every act speaks to the service over HTTP and to nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from debugtools.demo.cast import EVERYBODY, FAILING_OVER, LINUX, UNSYNCED, WINDOWS, Role, TargetNetwork
from debugtools.demo.client import Refused
from debugtools.demo.endings import show_trouble
from debugtools.demo.following import Answer, Follower
from debugtools.demo.rehearsals import tested_by_request, tested_by_the_clock
from debugtools.demo.stage import Stage
from debugtools.demo.truth import show_remains, show_world
from debugtools.demo.verdict import Claim, Move, judge
from debugtools.demo.verdict_of_tests import judge_remains, judge_return

_PROBE_LOOKS = 40


def tell(stage: Stage) -> list[Claim]:
    """Play all acts and give what must be so at the end."""
    before = stage.world()
    map_networks(stage, EVERYBODY)
    show_readiness(stage, EVERYBODY)
    refused = start_that_is_refused(stage, UNSYNCED)
    by_request, seen_first = tested_by_request(stage, WINDOWS, before=before)
    by_clock, seen_second = tested_by_the_clock(stage, LINUX, before=before)
    rehearsals = (by_request, by_clock)
    returned = judge_return(before=before, ended=stage.world())
    moves = live_failovers(stage, FAILING_OVER)
    after = stage.world()
    stage.screen.heading("What is where in the cloud now")
    show_world(stage.screen, after)
    show_remains(stage.screen, after, copies={copy for rehearsal in rehearsals for copy in rehearsal.copies})
    claims = [
        refused,
        *seen_first,
        *seen_second,
        *returned,
        *judge_remains(after=after, rehearsals=rehearsals),
        *judge(before=before, after=after, moves=moves, untouched=[UNSYNCED], rehearsals=rehearsals),
    ]
    show_claims(stage, claims)
    return claims


def map_networks(stage: Stage, roles: Sequence[Role]) -> None:
    """Say where each source network goes in a live failover, and where in a test."""
    stage.screen.heading("Network mappings: where each VM's networks go, live and in a test")
    rows = []
    for role in roles:
        for (source, live), (_, test) in zip(role.networks, role.test_networks, strict=True):
            _map(stage, role, source, live, is_test_network=False)
            _map(stage, role, source, test, is_test_network=True)
            rows.append((role.name, source, live.name, test.name))
    stage.screen.table(("VM", "source network", "live", "test"), rows)


def _map(stage: Stage, role: Role, source: str, target: TargetNetwork, *, is_test_network: bool) -> None:
    stage.administrator.post(
        "/api/v1/network-mappings",
        {
            "vm_id": role.vm_id,
            "source_network_name": source,
            "destination_network_id": target.network_id,
            "destination_network_name": target.name,
            "is_test_network": is_test_network,
        },
    )


def show_readiness(stage: Stage, roles: Sequence[Role]) -> None:
    """Ask for each VM whether it can fail over now."""
    stage.screen.heading("Readiness: can these VMs fail over now?")
    _let_the_cloud_be_probed(stage, roles[0])
    for role in roles:
        answer = _readiness(stage, role)
        result = answer["validation_result"]
        passed = sum(check["status"] == "pass" for check in result["checks"])
        checks = f"{passed} of {len(result['checks'])} checks passed, in {result['execution_time'] / 1e6:.0f} ms"
        if answer["is_valid"]:
            stage.screen.good(f"{role.name} is ready: {checks}; it should take {result['estimated_duration']}")
        else:
            stage.screen.bad(f"{role.name} is not ready: {checks}")
        for sentence in [*result["errors"], *(f"warning: {warning}" for warning in result["warnings"])]:
            stage.screen.reason(sentence)
        for action in answer["required_actions"]:
            stage.screen.advice(action)


def start_that_is_refused(stage: Stage, role: Role) -> Claim:
    """Start a VM whose sync never finished: the answer is a refusal with its reasons, and no job."""
    stage.screen.heading(f"A start that is refused: {role.name}, whose sync never finished")
    text = f"The start of {role.name} was refused, and no job was made of it"
    try:
        answer = stage.operator.post("/api/v1/failover/live", {"vm_id": role.vm_id, "vm_name": role.name})
    except Refused as refusal:
        stage.screen.good(f"Refused with {refusal.status} {refusal.body['error_code']}: {refusal.body['message']}")
        for sentence in refusal.reasons:
            stage.screen.reason(sentence)
        for action in refusal.required_actions:
            stage.screen.advice(action)
        jobs = stage.operator.get("/api/v1/failover/jobs", vm_id=role.vm_id)["total_jobs"]
        return Claim(text, (f"{jobs} jobs were made",) if jobs else ())
    stage.screen.bad(f"{role.name} was started, though its sync never finished: {answer['job_id']}")
    return Claim(text, (f"it was started as {answer['job_id']}",))


def live_failovers(stage: Stage, roles: Sequence[Role]) -> list[Move]:
    """Start the VMs at once and follow them to their end."""
    names = " and ".join(role.name for role in roles)
    stage.screen.heading(f"Live failovers at once: {names}")
    _plan_fault(stage)
    jobs = {}
    for role in roles:
        answer = stage.operator.post(
            "/api/v1/failover/live", {"vm_id": role.vm_id, "vm_name": role.name, "reason": "demo"}
        )
        jobs[role.name] = answer["job_id"]
        stage.screen.say(f"{role.name}: {answer['message']}")
        stage.screen.say(f"  job {answer['job_id']}", style="dim")
    stage.screen.gap()
    answers = Follower(stage).follow(jobs, seconds=stage.patience)
    stage.screen.gap()
    for role in roles:
        _show_end(stage, role, answers[role.name])
    return [Move(role, answers[role.name]["job_details"]["destination_vm_id"] or "") for role in roles]


def show_claims(stage: Stage, claims: Sequence[Claim]) -> None:
    """Say of each claim whether it holds."""
    stage.screen.heading("Is the world as it must be?")
    for claim in claims:
        if claim.holds:
            stage.screen.good(claim.text)
        else:
            stage.screen.bad(claim.text)
            for wrong in claim.wrongs:
                stage.screen.reason(wrong)


def _readiness(stage: Stage, role: Role) -> dict[str, Any]:
    return stage.operator.get(f"/api/v1/failover/{role.vm_id}/readiness")


def _let_the_cloud_be_probed(stage: Stage, role: Role) -> None:
    """Wait until the service knows the cloud: it probes each cloud once, beside its other work."""
    for _ in range(_PROBE_LOOKS):
        checks = _readiness(stage, role)["validation_result"]["checks"]
        if all(check["status"] == "pass" for check in checks if check["check_name"] == "Async Job Ids"):
            return
        stage.pause(0.5)


def _plan_fault(stage: Stage) -> None:
    if stage.fault is not None:
        command, kind = stage.fault
        stage.cloud.post("/simulator/faults", {"command": command, "kind": kind})
        stage.screen.say(f"By your wish the cloud's next {command} meets the fault: {kind}", style="yellow")


def _show_end(stage: Stage, role: Role, answer: Answer) -> None:
    if answer["outcome"] != "succeeded":
        show_trouble(stage.screen, role.name, answer)
        return
    target_id, seconds = answer["job_details"]["destination_vm_id"], answer["duration"] / 1e9
    stage.screen.good(f"{role.name} failed over in {seconds:.1f} s; its VM is {target_id}")
