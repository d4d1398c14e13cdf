"""This will find the protected VM that a request names."""

from __future__ import annotations

from inventory.models import ProtectedVM


class VMUnknown(Exception):
    """This will say that no protected VM has this id."""

    error_code = "VM_NOT_FOUND"

    def __init__(self, *, vm_id: str) -> None:
        self.vm_id = vm_id
        super().__init__(f"VM {vm_id} does not exist or is not accessible")


def vm_by_id(vm_id: str) -> ProtectedVM:
    """Give the VM with its cloud and appliance; raises VMUnknown."""
    vm = ProtectedVM.objects.select_related("cloud", "appliance").filter(vm_id=vm_id).first()
    if vm is None:
        raise VMUnknown(vm_id=vm_id)
    return vm
