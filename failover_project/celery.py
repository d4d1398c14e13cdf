"""This will make the one Celery application; its messages are wake-ups and carry (job id, phase) only."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "failover_project.settings")

app = Celery("failover_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Threads that publish (web, watcher) must find this application and not a default one without settings.
app.set_default()
app.autodiscover_tasks()
