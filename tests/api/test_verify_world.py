"""This will prove what `verify_world` prints and returns, against a simulated cloud on a socket."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command

from cloudstack_simulator.server import SimulatorServer
from inventory.models import ReplicaVolume, TargetCloud
from tests.support.inventory_of import ScenarioInventory

pytestmark = pytest.mark.django_db


def _run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("verify_world", *words, stdout=out, stderr=err)
    return int(left.value.code or 0), out.getvalue(), err.getvalue()


def test_a_world_that_agrees_gives_status_0(inventory: ScenarioInventory) -> None:
    assert _run() == (0, "simulated: inventory, journal and cloud agree.\n", "")


def test_drift_gives_status_1_with_what_to_do(inventory: ScenarioInventory, cloud: SimulatorServer) -> None:
    volume_id = ReplicaVolume.objects.values_list("volume_id", flat=True)[0]
    cloud.simulator.cloud.world.volumes[volume_id].removed = True

    status, said, _ = _run()
    told = json.loads(_run("--json", "--cloud", "simulated")[1])

    assert status == told["status"] == 1
    assert "simulated: alarm: The replica of" in said and "replicate the disk in full" in said
    (finding,) = told["clouds"][0]["findings"]
    assert (finding["drift"], finding["id"], finding["weight"]) == ("volume_missing", volume_id, "alarm")


def test_a_cloud_that_cannot_be_read_or_is_not_known_gives_status_2(inventory: ScenarioInventory) -> None:
    assert _run("--cloud", "nowhere")[0] == 2
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")
    status, _, complaint = _run()
    assert status == 2 and "simulated cannot be read" in complaint
