"""This will register the app `jobs` with Django."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The app `jobs`."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "jobs"
    verbose_name = "Failover jobs"
