"""This will check what the target VM is built from, and whether its guest will boot."""

from __future__ import annotations

from typing import Any

from cloudstack.results import ServiceOffering
from inventory.models import Firmware
from validation.facts import Facts
from validation.findings import Finding, failed, passed, warned


def service_offering(facts: Facts) -> Finding:
    """Check that the offering exists and gives the CPUs and memory of the source."""
    offering = facts.cloud.offering
    if offering is None:
        return failed(
            "The service offering does not exist in the cloud",
            actions=["Set service_offering_id of the VM, or the cloud's default offering, in the inventory"],
        )
    if offering.is_volatile:
        return failed(
            f"Service offering {offering.name} is volatile: it would recreate the root disk at every start",
            actions=["Choose a service offering that is not volatile"],
        )
    outside = _outside_ranges(offering, facts=facts)
    if outside:
        return failed(
            f"Service offering {offering.name} does not fit the VM",
            errors=outside,
            actions=["Choose a service offering that fits the VM's CPUs and memory"],
        )
    smaller = _smaller_than_source(offering, facts=facts)
    if smaller:
        return warned(f"Service offering {offering.name} is smaller than the source VM: {smaller}")
    return passed("The service offering fits", offering=offering.name, customized=offering.is_customized)


def _outside_ranges(offering: ServiceOffering, *, facts: Facts) -> list[str]:
    if not offering.is_customized:
        return []
    ranges = (
        ("CPUs", facts.vm.cpus, offering.min_cpu_number, offering.max_cpu_number),
        ("MB of memory", facts.vm.memory_mb, offering.min_memory, offering.max_memory),
    )
    return [
        f"The VM has {value} {unit}; the offering takes {low or 'any'} to {high or 'any'}"
        for unit, value, low, high in ranges
        if (low is not None and value < low) or (high is not None and value > high)
    ]


def _smaller_than_source(offering: ServiceOffering, *, facts: Facts) -> str:
    if offering.is_customized:
        return ""
    pairs = (
        ("CPUs", offering.cpu_number, facts.vm.cpus),
        ("MB of memory", offering.memory, facts.vm.memory_mb),
    )
    return ", ".join(f"{given} of {wanted} {unit}" for unit, given, wanted in pairs if given and given < wanted)


def template(facts: Facts) -> Finding:
    """Check that the placeholder template exists and is ready."""
    found = facts.cloud.template
    if found is None or not found.is_ready:
        return failed(
            "The placeholder template does not exist in the cloud" if found is None else "The template is not ready",
            actions=[f"Set the placeholder template of target cloud {facts.cloud_row.name} in the inventory"],
        )
    return passed("The placeholder template is ready", template=found.name)


def guest_boot(facts: Facts) -> Finding:
    """Check what is known of the guest's needs: OS type, firmware."""
    wanted = facts.vm.target_os_type
    if wanted and facts.cloud.why_unread("os_type") is None and facts.cloud.os_type is None:
        return failed(
            f"CloudStack knows no OS type '{wanted}'",
            actions=["Correct target_os_type of the VM in the inventory (see listOsTypes)"],
        )
    details: dict[str, Any] = {
        "firmware": facts.vm.firmware,
        "secure_boot": facts.vm.secure_boot,
        "guest_os": facts.vm.guest_os,
    }
    if facts.vm.firmware == Firmware.UEFI:
        return warned(
            "The guest boots by UEFI: the zone needs a host that can, which the API does not show",
            **details,
        )
    return passed("The guest's firmware and OS type can be met", **details)
