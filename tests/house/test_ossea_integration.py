"""This will show that docs/ossea-integration.md asks of a cloud what the service uses there, and nothing else."""

from __future__ import annotations

import ast
import re
import uuid
from collections.abc import Callable

import pytest
from django.db import transaction
from django.urls import resolve

from cloudstack.probe import LIVE_PLAN_APIS, probe
from cloudstack_simulator import Simulator
from cloudstack_simulator.call_log import is_mutating
from inventory.models import HoldMethod
from jobs import services
from jobs.models import Step, StepState
from networks.models import Purpose
from tests.house.tree import ROOT, document, parsed
from tests.support.scenes import Scene, scene
from tests.support.simulator_line import gateway_for
from validation.checks import CHECKS
from validation.checks.cloud import TEST_PLAN_APIS
from validation.findings import Area

PAGE = "docs/ossea-integration.md"
COMMAND = re.compile(r"(?:list|query|create|delete|attach|detach|deploy|destroy|start|stop|update|revert)[A-Z]\w+")
ALL = frozenset({"live", "test", "revert", "look"})


def _documented(*uses: str) -> set[str]:
    rows = re.findall(r"^\| `([a-z]+[A-Z]\w+)` \| (live|test|revert|look) \|", document(PAGE), re.MULTILINE)
    assert len(rows) == len(dict(rows))
    return {command for command, use in rows if use in (uses or ALL)}


def _of_gateway() -> set[str]:
    """Give the commands that the gateway can send, as its code names them."""
    return {
        node.value
        for name in ("reads", "writes")
        for node in ast.walk(parsed(ROOT / "cloudstack" / f"{name}.py"))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and COMMAND.fullmatch(node.value)
    }


def test_the_table_names_every_command_that_the_gateway_can_send_and_no_other() -> None:
    assert _documented() == _of_gateway()


def test_the_table_says_which_commands_a_failover_needs_as_validation_does() -> None:
    assert _documented("live") == LIVE_PLAN_APIS
    assert _documented("live", "test") == TEST_PLAN_APIS


def _live(stage: Scene) -> None:
    stage.service.start_live("vm-two")
    stage.service.run()


def _live_undone(stage: Scene) -> None:
    job = stage.service.start_live("vm-two")
    stage.service.run(
        until=lambda: Step.objects.filter(plan__job=job, key="attach-disk0", state=StepState.DONE).exists()
    )
    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    stage.service.run()


def _tested(strategy: str) -> Callable[[Scene], None]:
    def play(stage: Scene) -> None:
        job = stage.service.start_test("vm-two", custom_config={"test_strategy": strategy})
        stage.service.run()
        stage.service.clean_up(job)
        stage.service.run()

    return play


def _probed(stage: Scene) -> None:
    appliance = stage.inventory.appliance.virtual_machine_id
    probe(gateway_for(stage.simulator), appliance_vm_id=appliance, new_id=lambda: str(uuid.uuid4()))


def _called(play: Callable[[Scene], None]) -> set[str]:
    stage = scene()
    stage.simulator.calls.clear()
    play(stage)
    return set(stage.simulator.calls.commands())


STORIES: list[tuple[Callable[[Scene], None], tuple[str, ...]]] = [
    (_probed, ("live", "look")),
    (_live, ("live", "look")),
    (_live_undone, ("live", "look")),
    (_tested("clone"), ("live", "test", "look")),
    (_tested("detached_clone"), ("live", "test", "look")),
    (_tested("boot_and_revert"), ("live", "test", "look", "revert")),
]


@pytest.mark.django_db
def test_failovers_call_what_the_table_grants_them_and_all_that_it_lists_as_changing_the_cloud() -> None:
    changing = set()
    for play, uses in STORIES:
        called = _called_alone(play)
        assert called - _documented(*uses) == set()
        changing |= {command for command in called if is_mutating(command)}

    assert changing == {command for command in _documented() if is_mutating(command)}


def _called_alone(play: Callable[[Scene], None]) -> set[str]:
    """Play on rows of its own: the inventory of a scene may be there once."""
    with transaction.atomic():
        called = _called(play)
        transaction.set_rollback(True)
    return called


def test_each_area_is_named_with_its_checks() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| ((?:`[A-Z][\w ]+`(?:, )?)+) \|", document(PAGE), re.MULTILINE)

    assert {area: re.findall(r"`([^`]+)`", checks) for area, checks in rows} == {
        area.value: [check.name for check in CHECKS if check.area == area] for area in Area
    }


def test_each_address_that_the_page_asks_is_a_route() -> None:
    asked = re.findall(r"\$API(/\S+)", document(PAGE))

    assert len(asked) >= 7
    for address in asked:
        path = address.split("?")[0].replace("$VM", "vm-x")
        assert resolve(f"/api/v1{path}"), address


def test_the_hook_is_described_as_it_is_called() -> None:
    page, code = document(PAGE), document("jobs/replication_hooks.py")
    actions = set(re.findall(r'self\._call\("(\w+)"', code))
    headers = set(re.findall(r'"(X-Failover-\w+)"', code))

    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \| `?(?:true|false|as it is)", page, re.MULTILINE)) == actions
    assert headers and all(f"`{header}`" in page for header in headers)


def test_the_ways_to_hold_replication_are_all_described() -> None:
    page = document(PAGE)

    assert all(method in page for method in (f"hold_method: {HoldMethod.HOOK}", "`manual`", "`none`"))
    assert len(HoldMethod.values) == 3


def test_both_purposes_of_a_network_can_be_set_as_described() -> None:
    assert f"designate_network NETWORK_ID {Purpose.TEST}" in document(PAGE)


def test_the_simulated_cloud_knows_every_command_of_the_table() -> None:
    simulator = Simulator.scenario("small")
    answer = simulator.call("listApis").body.decode()

    assert [command for command in sorted(_documented()) if f'"{command}"' not in answer] == []
