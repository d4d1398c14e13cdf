"""This will register the app `networks` with Django."""

from django.apps import AppConfig


class NetworksConfig(AppConfig):
    """The app `networks`."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "networks"
    verbose_name = "Network mappings"
