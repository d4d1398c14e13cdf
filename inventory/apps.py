"""This will tell Django about the inventory."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    """This will register the inventory under the label `inventory`."""

    name = "inventory"
    verbose_name = "Inventory"
    default_auto_field = "django.db.models.BigAutoField"
