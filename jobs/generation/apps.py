"""This will register the app `generation` with Django."""

from django.apps import AppConfig


class GenerationConfig(AppConfig):
    """The generation of the database."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "jobs.generation"
    label = "generation"
    verbose_name = "Generation of the database"
