"""This will make the one Celery application; its messages are wake-ups and carry (job id, phase) only."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_ready

from failover_project.processes import redis_transport
from failover_project.processes.worker_events import EventsInBatches

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "failover_project.settings")

app = Celery("failover_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Threads that publish (web, watcher) must find this application and not a default one without settings.
app.set_default()
app.autodiscover_tasks()
app.steps["consumer"].add(EventsInBatches)
redis_transport.use()


@setup_logging.connect
def leave_logging_alone(**_: object) -> None:
    """Keep the logging of the settings: Celery would put its own level and format in their place."""


@worker_ready.connect
def keep_lease(**_: object) -> None:
    """Keep the lease of a worker that runs as a process of its own: without one its work counts as a dead one's.

    What it counts is added to the database beside that.
    """
    from jobs.embedded import run_now, run_part
    from jobs.heap import leave_alone_what_is_loaded
    from jobs.keeper import Keeper
    from jobs.runtime import process_engine, process_gateways

    keeper = Keeper(process_engine(), process_gateways())
    # Celery swallows what its signals raise; a worker without a lease must not go on.
    run_now("lease", keeper.register)
    run_part("heartbeat", keeper.beat_forever)
    run_part("tallies", keeper.flush_tallies_forever)
    leave_alone_what_is_loaded()
