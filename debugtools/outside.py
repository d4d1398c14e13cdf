"""This will ask clouds and broker how they are: side by side, for a bounded time, and not again before a while."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery import current_app
from django.conf import settings
from kombu import Connection
from kombu.exceptions import ChannelError, OperationalError

from cloudstack import DENY_ALL, CloudError, Endpoint, Gateway, Observer
from debugtools.looks import Looks
from inventory.clouds import observer_of
from inventory.models import TargetCloud
from inventory.redaction import Redactor
from inventory.secrets import SecretUnreadable
from validation.doors import SYSTEM_CLOCK

# Below the patience of a look: a cloud that is silent is told from one that is slow.
_CLOUD_TIMEOUT = 2.0
_BROKER_TIMEOUT = 2

_LOOKS = Looks()
_REDACTOR = Redactor()


@dataclass(frozen=True)
class CloudHealth:
    """This will hold whether a target cloud answers just now, and what its last probe left."""

    name: str
    trouble: str
    version: str
    clock_skew_seconds: float | None
    probed_at: datetime | None
    probe_doubt: str


def looked_at(rows: list[TargetCloud]) -> tuple[list[CloudHealth], str]:
    """Ask all clouds and the broker side by side; give the clouds, and the trouble with the broker."""
    things: dict[Hashable, Callable[[], str]] = {_key(cloud): _ask_cloud(cloud) for cloud in rows}
    broker = ("broker", settings.BROKER_URL)
    things[broker] = _ask_broker
    troubles = _LOOKS.at(things)
    clouds = [
        CloudHealth(
            name=cloud.name,
            trouble=_REDACTOR.text(troubles[_key(cloud)]),
            version=cloud.version,
            clock_skew_seconds=cloud.clock_skew_seconds,
            probed_at=cloud.probed_at,
            probe_doubt=_REDACTOR.text(cloud.probe_error),
        )
        for cloud in rows
    ]
    return clouds, _REDACTOR.text(troubles[broker])


def _key(cloud: TargetCloud) -> Hashable:
    # A changed address or key is another thing to look at.
    return (cloud.uuid, cloud.endpoint, cloud.api_key_sealed, cloud.secret_key_sealed, cloud.ca_file)


def _ask_cloud(cloud: TargetCloud) -> Callable[[], str]:
    """Give the question to a cloud; what it needs of the database is read before, on the caller's thread."""
    try:
        endpoint = Endpoint(
            url=cloud.endpoint,
            api_key=cloud.api_key,
            secret_key=cloud.secret_key,
            ca_file=cloud.ca_file or None,
            timeout=_CLOUD_TIMEOUT,
        )
    except SecretUnreadable:
        return lambda: "its credentials were sealed with another FIELD_KEY"
    observer = observer_of(cloud)
    return lambda: _trouble_with(endpoint, observer)


def _trouble_with(endpoint: Endpoint, observer: Observer) -> str:
    try:
        Gateway(endpoint, clock=SYSTEM_CLOCK, destroy_port=DENY_ALL, observer=observer).capabilities()
    except CloudError as trouble:
        return str(trouble)
    return ""


def _ask_broker() -> str:
    if _broker_is_inside():
        return ""
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with Connection(settings.BROKER_URL, connect_timeout=_BROKER_TIMEOUT, transport_options=options) as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=_BROKER_TIMEOUT)
        except (OperationalError, OSError) as trouble:
            return f"unreachable: {trouble}; due work is found by the sweeper, later than usual"
    return ""


def messages_waiting() -> int | None:
    """Count the wake-ups that wait in the broker; None when it cannot be asked."""
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with Connection(settings.BROKER_URL, connect_timeout=_BROKER_TIMEOUT, transport_options=options) as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=_BROKER_TIMEOUT)
            channel: Any = broker.default_channel
            return int(channel.queue_declare(current_app.conf.task_default_queue, passive=True).message_count)
        except ChannelError:
            # A queue that nobody has put anything into is not there.
            return 0
        except (OperationalError, OSError):
            return None


def _broker_is_inside() -> bool:
    return str(settings.BROKER_URL).startswith("memory:")


def broker_in_words(trouble: str) -> dict[str, str]:
    """Give kind and state of the broker for people."""
    if _broker_is_inside():
        return {"kind": "in process", "state": "connected", "error": ""}
    kind = str(settings.BROKER_URL).partition(":")[0]
    return {"kind": kind, "state": "unreachable" if trouble else "connected", "error": trouble}
