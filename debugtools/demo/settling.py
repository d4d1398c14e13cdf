"""This will settle a fresh state in one process: tables, inventory, tokens and the admin's login.

An operator runs these commands one by one; the demo, which is waited for, does not load the service for each anew.
"""

from __future__ import annotations

import json
import os
import sys
from io import StringIO
from typing import Any

import django
from django.core.management import call_command
from django.core.management.base import CommandError


def main(inventory: str) -> None:
    """Settle the state of the environment, and write what was made as one JSON object: inventory, tokens.

    The admin's password comes as DJANGO_SUPERUSER_PASSWORD, the cloud's keys under the names in the inventory file.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "failover_project.settings")
    django.setup()
    try:
        call_command("migrate", verbosity=0)
        made = {
            "inventory": _said("import_inventory", inventory).splitlines()[-1],
            "operator": _said("create_token", name="demo", role="operator"),
            "administrator": _said("create_token", name="demo-setup", role="admin"),
        }
        _said("createsuperuser", interactive=False, username="admin", email="admin@demo.invalid")
    except CommandError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(made))


def _said(command: str, *words: str, **options: Any) -> str:
    out = StringIO()
    call_command(command, *words, stdout=out, **options)
    return out.getvalue().strip()


if __name__ == "__main__":
    main(sys.argv[1])
