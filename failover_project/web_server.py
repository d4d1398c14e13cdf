"""This will configure gunicorn from the settings: `gunicorn --config python:failover_project.web_server …`.

Processes are forked and each serves with threads, every one of which keeps a database connection: with PostgreSQL
they neither share one nor wait for one. Nothing is loaded before the fork, so nothing is inherited by it.
"""

from __future__ import annotations

import os
import threading

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "failover_project.settings")

# Static files are found where packages keep them; without this folder each start warns that it was not collected into.
settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)

wsgi_app = "failover_project.wsgi:application"
bind = [f"{settings.BIND_HOST}:{settings.BIND_PORT}"]
workers = settings.WEB_PROCESSES
threads = settings.WEB_THREADS
worker_class = "gthread"
# A start asks the cloud within ten seconds; beyond a minute nobody waits for the answer any more.
timeout = 60
# What is under way is in the database: a restart waits for answers that are nearly there and for nothing else.
graceful_timeout = 15
keepalive = 5
preload_app = False
control_socket_disable = True
# Each request is logged by the service itself, with its request id.
accesslog = None
logconfig_dict = settings.LOGGING


def post_worker_init(worker: object) -> None:
    """Let each process add to the database what it counts (calls to clouds), and spare it what only costs time."""
    del worker
    # Not before: models need an application that is set up.
    from inventory.tallies.counting import flush_forever
    from jobs.heap import leave_alone_what_is_loaded

    leave_alone_what_is_loaded()
    threading.Thread(target=flush_forever, args=(threading.Event(),), name="tallies", daemon=True).start()
