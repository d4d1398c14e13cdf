"""This will run the simulated cloud as a process of its own, speak HTTP to it, kill it and start it again."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cloudstack_simulator.signature import java_encode, sign
from tests.simulator.driving import REPLICA

ROOT = Path(__file__).parent.parent.parent
KEY = "demo-ops-api-key-0123456789abcdefghijklmnopqrstuvwxyz"
SECRET = "demo-ops-secret-key-0123456789abcdefghijklmnopqrstuvwxyz"

pytestmark = pytest.mark.processes


class Cloud:
    """This will be a running process and one connection to it."""

    def __init__(self, state: Path) -> None:
        command = [sys.executable, "-m", "cloudstack_simulator", "--scenario", "small", "--job-seconds", "0.2"]
        self.running = subprocess.Popen(
            [*command, "--state", str(state), "--ready-file", f"{state}.ready"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.running.stdout is not None
        self.line = self.running.stdout.readline().strip()
        self.address = urlsplit(self.line.removeprefix("ready "))
        self.connection = self.connect()

    def connect(self) -> http.client.HTTPConnection:
        """This will open a further connection."""
        return http.client.HTTPConnection(self.address.hostname or "", self.address.port, timeout=10)

    def call(self, command: str, *, method: str = "POST", **params: str) -> Any:
        """This will make a signed call and decode its answer."""
        # the process keeps real time, so the expiry must as well
        expires = datetime.fromtimestamp(time.time() + 60, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
        sent = {"command": command, "apiKey": KEY, "response": "json", "signatureVersion": "3", "expires": expires}
        sent |= params
        sent["signature"] = sign(sent, SECRET)
        form = "&".join(f"{name}={java_encode(text)}" for name, text in sent.items())
        if method == "GET":
            self.connection.request("GET", f"{self.address.path}?{form}")
        else:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            self.connection.request("POST", self.address.path, body=form, headers=headers)
        return next(iter(json.loads(self.connection.getresponse().read()).values()))

    def control(self, method: str, route: str, body: Any = None) -> tuple[int, Any]:
        """This will use a control route on a connection of its own."""
        connection = self.connect()
        connection.request(method, f"/simulator/{route}", body=None if body is None else json.dumps(body))
        answer = connection.getresponse()
        shown = json.loads(answer.read())
        connection.close()
        return answer.status, shown

    def end(self, number: int) -> int:
        """This will send the process a signal and wait for its end."""
        self.connection.close()
        self.running.send_signal(number)
        status = self.running.wait(timeout=10)
        if self.running.stdout is not None:
            self.running.stdout.close()
        return status


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """This will start a process and end it."""
    running = Cloud(tmp_path / "world")
    yield running
    if running.running.poll() is None:
        running.end(signal.SIGTERM)


def test_it_says_where_it_listens_and_answers_post_and_get_on_one_connection(cloud: Cloud, tmp_path: Path) -> None:
    posted = cloud.call("listVolumes", id=REPLICA)
    fetched = cloud.call("listVolumes", method="GET", id=REPLICA)

    assert posted == fetched
    assert (tmp_path / "world.ready").read_text().strip() == cloud.line
    assert cloud.line.startswith("ready http://127.0.0.1:")


def test_a_lost_answer_closes_the_connection_and_the_next_one_works(cloud: Cloud) -> None:
    assert cloud.control("POST", "faults", {"command": "listZones", "kind": "lost_answer"}) == (200, {"planned": 1})

    with pytest.raises(http.client.RemoteDisconnected):
        cloud.call("listZones")
    cloud.connection.close()

    assert cloud.call("listZones")["count"] == 1
    assert cloud.control("GET", "faults")[1]["fired"][0]["kind"] == "lost_answer"


def test_the_control_routes_show_the_world_and_write_to_it(cloud: Cloud) -> None:
    written = cloud.control("POST", "write", {"volume_id": REPLICA, "change_id": "52 3c/1"})
    _, world = cloud.control("GET", "world")

    volume = next(row for row in world["volumes"] if row["id"] == REPLICA)
    assert written == (200, {"written": True})
    assert volume["content"][-1] == "appliance:52 3c/1"
    assert volume["holders"] == [volume["vm_id"]]
    assert world["alarms"] == []
    assert cloud.control("GET", "calls") == (200, {})


def test_a_control_route_that_is_asked_wrongly_says_so(cloud: Cloud) -> None:
    assert cloud.control("POST", "faults", {"kind": "fail"})[0] == 400
    assert cloud.control("POST", "faults", {"command": "x", "kind": "fail", "when": 3})[0] == 400
    assert cloud.control("GET", "nothing")[0] == 404


def test_a_restart_by_control_route_fails_the_jobs_under_way(cloud: Cloud) -> None:
    job_id = cloud.call("detachVolume", id=REPLICA)["jobid"]

    assert cloud.control("POST", "restart", {})[0] == 200

    shown = cloud.call("queryAsyncJobResult", jobid=job_id)
    assert (shown["jobstatus"], shown["jobresultcode"], "jobresult" in shown) == (2, 530, False)


def test_a_killed_process_goes_on_with_its_world(cloud: Cloud, tmp_path: Path) -> None:
    job_id = cloud.call("detachVolume", id=REPLICA, customjobid="11111111-2222-4333-8444-555555555555")["jobid"]
    cloud.end(signal.SIGKILL)

    again = Cloud(tmp_path / "world")
    shown = again.call("queryAsyncJobResult", jobid=job_id)

    assert shown["jobid"] == "11111111-2222-4333-8444-555555555555"
    assert again.end(signal.SIGTERM) == 0


def test_an_unknown_scenario_ends_it_with_a_word(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cloudstack_simulator", "--scenario", "nowhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    assert "no scenario 'nowhere'" in ended.stderr
