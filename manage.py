#!/usr/bin/env python
"""This will run Django's management commands for the failover orchestrator."""

import os
import sys


def main() -> None:
    """Run the command of the command line; settings that make no sense end it with a sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "failover_project.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"The settings make no sense: {error}")


if __name__ == "__main__":
    main()
