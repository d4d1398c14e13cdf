#!/usr/bin/env python
"""This will run Django's management commands for the failover orchestrator."""

import os
import sys


def main() -> None:
    """Run the command of the command line; senseless settings and a missing database end it with a sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "failover_project.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import Error

    from failover_project.database_troubles import COULD_NOT, database_trouble

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"The settings make no sense: {error}")
    except Error as error:
        words = database_trouble(error)
        if words is None or "--traceback" in sys.argv:
            raise
        sys.stderr.write(f"{words}\n")
        sys.exit(COULD_NOT)


if __name__ == "__main__":
    main()
