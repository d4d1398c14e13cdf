"""This will register the API conventions (tokens, roles) with Django."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    """Who may call the service, and how it answers."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "failover_project.api"
    label = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        """Register the system checks, how the API's description shows tokens, and the groups of the roles."""
        from failover_project.api import checks, openapi  # noqa: F401
        from failover_project.api.role_groups import make_role_groups

        post_migrate.connect(make_role_groups, sender=self)
