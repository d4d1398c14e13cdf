"""Of the threads that ask one cloud for newer marks at once one asks, and the others are told what it heard."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import Settings

from cloudstack import Gateway
from cloudstack.single_flight import SingleFlight
from cloudstack_simulator import Fault
from inventory.models import TargetCloud
from jobs.generation.guard import GenerationGuard
from tests.cloudstack.test_single_flight import PATIENCE, Door
from tests.support.scenes import scene


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_silent", [False, True])
def test_who_comes_while_another_asks_is_told_what_that_one_heard(
    settings: Settings, tmp_path: Path, is_silent: bool
) -> None:
    settings.GENERATION_FILE = tmp_path / "generation"
    stage, door = scene(), Door()
    if is_silent:
        stage.simulator.faults.add(Fault("listVirtualMachines", "refuse", times=10))
    asked, told = list[TargetCloud](), list[str]()

    def gateway(cloud: TargetCloud) -> Gateway:
        asked.append(cloud)
        door.wait_for_one()
        other.start()
        door.wait_for_one()
        return stage.service.gateway(cloud)

    guard = GenerationGuard(gateway, now=stage.service.clock.now, asking=SingleFlight(door=door))

    def come_too() -> None:
        told.append(guard.obstacle(str(stage.inventory.cloud.uuid)))
        connections.close_all()

    other = threading.Thread(target=come_too)
    mine = guard.obstacle(str(stage.inventory.cloud.uuid))
    other.join(PATIENCE)

    assert told == [mine]
    assert bool(mine) == is_silent
    assert len(asked) == 1
