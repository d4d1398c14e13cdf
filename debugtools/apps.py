"""This will register the app `debugtools` with Django."""

from django.apps import AppConfig


class DebugtoolsConfig(AppConfig):
    """The app `debugtools`."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "debugtools"
    verbose_name = "Debug tools"
