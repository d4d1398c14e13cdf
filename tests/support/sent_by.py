"""Name the command of CloudStack that each of ours sends, once per attempt at most."""

from __future__ import annotations

SENT_BY = {
    "deploy_target": "deployVirtualMachine",
    "start_target": "startVirtualMachine",
    "stop_target": "stopVirtualMachine",
    "destroy_target": "destroyVirtualMachine",
    "detach_from_appliance": "detachVolume",
    "detach_from_target": "detachVolume",
    "detach_placeholder": "detachVolume",
    "attach_to_target": "attachVolume",
    "attach_to_appliance": "attachVolume",
    "return_to_appliance": "attachVolume",
    "take_snapshot": "createSnapshot",
    "delete_snapshot": "deleteSnapshot",
    "revert_snapshot": "revertSnapshot",
    "create_clone": "createVolume",
    "delete_clone": "deleteVolume",
    "delete_placeholder": "deleteVolume",
    "set_os_type": "updateVirtualMachine",
    "protect_target": "updateVirtualMachine",
}
