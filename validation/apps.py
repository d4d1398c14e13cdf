"""This will register the app `validation` with Django."""

from django.apps import AppConfig


class ValidationConfig(AppConfig):
    """The app `validation`."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "validation"
    verbose_name = "Readiness"
