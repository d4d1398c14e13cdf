"""Celery speaks to Redis through clients that are kept, and tells Flower of many events at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from kombu import Connection

from failover_project.celery import app
from failover_project.processes.redis_transport import Channel
from failover_project.processes.worker_events import EventsInBatches
from tests.support.servers import redis_server

pytestmark = pytest.mark.redis


def test_a_channel_keeps_its_client_until_it_makes_another_pool() -> None:
    with redis_server() as url, Connection(url) as connection:
        channel = connection.default_channel
        assert isinstance(channel, Channel)
        first = channel._create_client()
        assert channel._create_client() is first

        channel._disconnect_pools()  # type: ignore[attr-defined]  # kombu has no types
        second = channel._create_client()
        assert second is not first
        assert second.ping()


def test_what_is_sent_arrives_and_leaves_no_account_behind() -> None:
    with redis_server() as url:
        sender = Celery("sender", broker=url)
        sender.conf.broker_transport_options = {"ack_emulation": False}
        with sender.connection_for_write() as connection, connection.SimpleQueue("rings") as queue:
            queue.put({"job": 1})
            message, channel = queue.get(timeout=5), connection.default_channel
            assert isinstance(channel, Channel)
            assert message.payload == {"job": 1}
            assert channel.client.exists("unacked", "unacked_index") == 0
            message.ack()


class _Timer:
    def __init__(self) -> None:
        self.repeated: list[tuple[float, Any]] = []

    def call_repeatedly(self, seconds: float, work: Any) -> SimpleNamespace:
        self.repeated.append((seconds, work))
        return SimpleNamespace(cancel=self.repeated.clear)


def test_events_wait_for_the_next_flush_and_none_is_sent_by_itself() -> None:
    with redis_server() as url:
        sender = Celery("sender", broker=url)
        with sender.connection_for_write() as connection:
            dispatcher = sender.events.Dispatcher(
                connection, buffer_group=["task"], on_send_buffered=lambda: pytest.fail("sent by itself")
            )
            timer = _Timer()
            consumer = SimpleNamespace(event_dispatcher=dispatcher, hub=object(), timer=timer)
            step = EventsInBatches(consumer)
            step.start(consumer)
            dispatcher.send("task-started", uuid="1")
            dispatcher.send("task-succeeded", uuid="1")

            ((seconds, flush),) = timer.repeated
            assert 0 < seconds <= 1
            assert len(dispatcher._group_buffer["task"]) == 2
            flush()
            assert dispatcher._group_buffer["task"] == []
            step.stop(consumer)
            assert timer.repeated == []


def test_the_service_s_workers_do_so() -> None:
    assert EventsInBatches in app.steps["consumer"]
    assert app.conf.broker_transport_options.get("ack_emulation", False) is False
