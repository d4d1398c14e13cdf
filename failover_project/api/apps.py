"""This will register the API conventions (tokens, roles) with Django."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Who may call the service, and how it answers."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "failover_project.api"
    label = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        """Register the system checks and how the API's description shows tokens."""
        from failover_project.api import checks, openapi  # noqa: F401
