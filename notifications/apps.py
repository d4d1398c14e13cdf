"""This will register the app `notifications` with Django."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """The app `notifications`."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "notifications"
    verbose_name = "Notifications"
