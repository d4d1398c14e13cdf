"""This will register the app `inventory` with Django."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    """The app `inventory`."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "inventory"
    verbose_name = "What is protected"
