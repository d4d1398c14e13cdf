"""This will give the gateway to a target cloud."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog
from django.conf import settings

from cloudstack import Clock, DestroyPort, Endpoint, Exchange, Gateway, Observer
from inventory.models import TargetCloud
from inventory.tallies.counting import TALLIES

log = structlog.get_logger(__name__)

MOST_GATEWAYS = 64


@dataclass(frozen=True)
class _Kept:
    clock: Clock
    destroy_port: DestroyPort
    gateway: Gateway


_kept: dict[tuple[Endpoint, int, int], _Kept] = {}
_lock = threading.Lock()


def gateway_for(cloud: TargetCloud, *, clock: Clock, destroy_port: DestroyPort) -> Gateway:
    """This will give the one gateway to this cloud for this clock and port; raises SecretUnreadable.

    A cloud whose address or credentials were changed gets another gateway; probing it does not cost it its sessions.
    """
    endpoint = Endpoint(
        url=cloud.endpoint,
        api_key=cloud.api_key,
        secret_key=cloud.secret_key,
        ca_file=cloud.ca_file or None,
        calls_per_second=settings.CLOUD_CALLS_PER_SECOND,
        burst=settings.CLOUD_CALLS_AT_ONCE,
    )
    # Clocks and ports need not be hashable; the kept entry holds both, so that their ids are not given to others.
    key = (endpoint, id(clock), id(destroy_port))
    with _lock:
        if key not in _kept:
            if len(_kept) >= MOST_GATEWAYS:
                del _kept[next(iter(_kept))]
            gateway = Gateway(endpoint, clock=clock, destroy_port=destroy_port, observer=observer_of(cloud))
            _kept[key] = _Kept(clock, destroy_port, gateway)
        return _kept[key].gateway


def observer_of(cloud: TargetCloud) -> Observer:
    """Give who counts and logs the calls to this cloud; what changes the cloud is worth a line at any time."""
    name = cloud.name

    def observe(exchange: Exchange) -> None:
        of = {"cloud": name, "command": exchange.command}
        TALLIES.add("cloudstack_calls", {**of, "outcome": exchange.outcome})
        TALLIES.add("cloudstack_call_seconds", of, by=exchange.seconds)
        is_change = exchange.async_job_id is not None
        (log.info if is_change else log.debug)(
            "cloudstack_called",
            **of,
            outcome=exchange.outcome,
            seconds=round(exchange.seconds, 3),
            **({"async_job_id": exchange.async_job_id} if is_change else {}),
        )

    return observe


class NoSuchCloud(Exception):
    """No target cloud has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no target cloud named {name}.")


def clouds_named(name: str | None) -> list[TargetCloud]:
    """Give the cloud of that name, or all of them without one; raises NoSuchCloud."""
    if not name:
        return list(TargetCloud.objects.all())
    cloud = TargetCloud.objects.filter(name=name).first()
    if cloud is None:
        raise NoSuchCloud(name)
    return [cloud]
