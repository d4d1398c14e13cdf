"""This will say what differs between a database and the clouds, and take the word that it is right all the same."""

from __future__ import annotations

from typing import Any

from cloudstack import CloudError
from inventory.models import TargetCloud
from inventory.secrets import SecretUnreadable
from jobs.errors import CloudNotUsable
from jobs.generation.guard import confirm, paused_reason
from jobs.generation.models import current
from jobs.runtime import Gateways
from jobs.verification.world import verify_cloud


def comparison(*, gateways: Gateways) -> dict[str, Any]:
    """Say whether the service is paused and why, and every difference of every cloud; raises CloudNotUsable."""
    try:
        found = [
            {"cloud": cloud.name, **finding.as_json()}
            for cloud in TargetCloud.objects.all()
            for finding in verify_cloud(gateway=gateways(cloud), cloud=cloud)
        ]
    except (CloudError, SecretUnreadable) as error:
        raise CloudNotUsable(f"A cloud can't be read, so it can't be compared: {error}") from error
    reason = paused_reason()
    return {
        "paused": bool(reason),
        "paused_reason": reason or None,
        "generation": str(current()),
        "differences": found,
    }


def go_on(*, gateways: Gateways, actor: str, reason: str) -> dict[str, Any]:
    """Confirm the database as it is; where the service is not paused nothing is done. Raises CloudNotUsable.

    What differs at that moment is listed in the answer: nobody confirms what he was not shown.
    """
    shown = comparison(gateways=gateways)
    if not shown["paused"]:
        return {**shown, "confirmed": False}
    try:
        row = confirm(gateways=gateways, actor=actor, reason=reason)
    except (CloudError, SecretUnreadable) as error:
        raise CloudNotUsable(f"A cloud can't be read, so nothing is confirmed: {error}") from error
    return {**shown, "paused": False, "paused_reason": None, "generation": str(row), "confirmed": True}
