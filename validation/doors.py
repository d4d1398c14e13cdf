"""This will give the doors of this app their clock and the gateway to a VM's cloud."""

from __future__ import annotations

import time
from typing import Final

from cloudstack import DENY_ALL, Gateway
from inventory.clouds import gateway_for
from inventory.models import ProtectedVM
from inventory.secrets import SecretUnreadable


class SystemClock:
    """This will tell the time of this host."""

    def now(self) -> float:
        """Give unix seconds."""
        return time.time()


# One clock for all: gateways are kept per clock.
SYSTEM_CLOCK: Final = SystemClock()


def reading_gateway(vm: ProtectedVM) -> Gateway | None:
    """Give a gateway that may destroy nothing; None when the cloud's credentials are missing or cannot be opened."""
    try:
        if not (vm.cloud.endpoint and vm.cloud.api_key and vm.cloud.secret_key):
            return None
        return gateway_for(vm.cloud, clock=SYSTEM_CLOCK, destroy_port=DENY_ALL)
    except SecretUnreadable:
        # Sealed with another key: for the caller that is a cloud without credentials.
        return None
