"""This will make the changing calls of the same failovers with nothing around them: no database, no reading back.

It is the limit of Python on this machine: one process, asyncio, connections kept, each call signed with the standard
library, each async job asked for once when it should be over. The VMs are those of a fleet that failed over before, so
the calls go to a second cloud of the same kind, which this starts.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import defaultdict
from typing import Any
from urllib.parse import quote, urlsplit

from tests.bench.fleet import Fleet
from tests.processes.ground import PRODUCTION_NETWORK
from tests.processes.programs import simulator_program

Json = dict[str, Any]
CONNECTIONS = 64


class CallFailed(Exception):
    """The cloud refused a call of the plain script."""


def plain_failovers(made: Fleet, *, job_seconds: float) -> float:
    """Give the seconds until all VMs of the fleet run, on a cloud that is made for it."""
    directory = made.directory / "plain"
    directory.mkdir()
    cloud = simulator_program(directory, scenario=f"fleet:{len(made.vm_ids)}", job_seconds=job_seconds)
    try:
        cloud.start()
        return asyncio.run(
            _all(_Cloud(cloud.wait_until_ready(), made.document["clouds"][0]), made.document, job_seconds)
        )
    finally:
        cloud.stop()


class _Cloud:
    """A pool of connections to one CloudStack."""

    def __init__(self, endpoint: str, row: Json) -> None:
        self._parts = urlsplit(endpoint)
        self.row = row
        self._idle: asyncio.Queue[Any] = asyncio.Queue()
        for _ in range(CONNECTIONS):
            self._idle.put_nowait(None)

    async def call(self, command: str, **parameters: str) -> Json:
        """Make one signed call and give its answer."""
        body = self._signed({"command": command, "response": "json", "apiKey": self.row["api_key"], **parameters})
        connection = await self._idle.get()
        try:
            if connection is None:
                connection = await asyncio.open_connection(self._parts.hostname, self._parts.port)
            reader, writer = connection
            head = f"POST {self._parts.path} HTTP/1.1\r\nHost: cloud\r\nContent-Length: {len(body)}\r\n"
            kind = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
            writer.write((head + kind).encode() + body)
            text = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line[15:]) for line in text.splitlines() if line.lower().startswith("content-length:"))
            answer: Json = next(iter(json.loads(await reader.readexactly(length)).values()))
        finally:
            self._idle.put_nowait(connection)
        if "errortext" in answer:
            raise CallFailed(f"{command}: {answer['errortext']}")
        return answer

    def _signed(self, parameters: dict[str, str]) -> bytes:
        pairs = [(name, quote(value, safe="*")) for name, value in sorted(parameters.items())]
        text = "&".join(f"{name}={value}" for name, value in pairs)
        digest = hmac.new(self.row["secret_key"].encode(), text.lower().encode(), hashlib.sha1).digest()
        return f"{text}&signature={quote(base64.b64encode(digest).decode(), safe='')}".encode()

    async def job(self, command: str, *, seconds: float, **parameters: str) -> Json:
        """Make a call that starts an async job, and give its result when it has ended."""
        answer = await self.call(command, **parameters)
        await _pause(seconds)
        while True:
            found = await self.call("queryAsyncJobResult", jobid=answer["jobid"])
            if found["jobstatus"] == 1:
                return answer
            if found["jobstatus"] == 2:
                raise CallFailed(f"{command}: {found.get('jobresult')}")
            await _pause(0.02)


async def _pause(seconds: float) -> None:
    """Let other failovers go on for so long."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(seconds, over.set_result, None)
    await over


async def _all(cloud: _Cloud, document: Json, seconds: float) -> float:
    networks = (await cloud.call("listNetworks"))["network"]
    network = next(row["id"] for row in networks if row["name"] == PRODUCTION_NETWORK)
    appliances: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
    began = time.monotonic()
    await asyncio.gather(
        *(_one(cloud, vm, appliances[vm["appliance"]], network=network, seconds=seconds) for vm in document["vms"])
    )
    return time.monotonic() - began


async def _one(cloud: _Cloud, vm: Json, appliance: asyncio.Lock, *, network: str, seconds: float) -> None:
    volume = vm["disks"][0]["replica"]["volume_id"]
    target, _ = await asyncio.gather(
        _target(cloud, vm, network=network, seconds=seconds), _cut(cloud, volume, appliance, seconds=seconds)
    )
    await cloud.job("attachVolume", seconds=seconds, id=volume, virtualmachineid=target, deviceid="0")
    await cloud.job("startVirtualMachine", seconds=seconds, id=target)


async def _cut(cloud: _Cloud, volume: str, appliance: asyncio.Lock, *, seconds: float) -> None:
    async with appliance:
        await cloud.job("detachVolume", seconds=seconds, id=volume)
    await cloud.job("createSnapshot", seconds=seconds, volumeid=volume)


async def _target(cloud: _Cloud, vm: Json, *, network: str, seconds: float) -> str:
    row = cloud.row
    size = {"details[0].cpuNumber": str(vm["cpus"]), "details[0].memory": str(vm["memory_mb"])}
    made = await cloud.job(
        "deployVirtualMachine",
        seconds=seconds,
        zoneid=row["zone_id"],
        serviceofferingid=row["default_offering_id"],
        templateid=row["placeholder_template_id"],
        networkids=network,
        startvm="false",
        **size,
    )
    target: str = made["id"]
    root = (await cloud.call("listVolumes", virtualmachineid=target))["volume"][0]["id"]
    await cloud.job("detachVolume", seconds=seconds, id=root)
    await cloud.call("deleteVolume", id=root)
    return target
