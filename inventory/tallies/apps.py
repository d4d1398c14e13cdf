"""This will register the app `tallies` with Django."""

from django.apps import AppConfig


class TalliesConfig(AppConfig):
    """What the processes counted."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "inventory.tallies"
    label = "tallies"
    verbose_name = "Counts of all processes"
