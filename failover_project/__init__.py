"""This will hold the composition root: settings, routes, the Celery application and the API conventions."""

from failover_project.celery import app as celery_app

__all__ = ["celery_app"]
