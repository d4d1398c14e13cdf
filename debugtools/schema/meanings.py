"""This will say what columns mean where neither the model's help text nor the list of its values does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# In every table that has such a column.
EVERYWHERE: Mapping[str, str] = MappingProxyType(
    {
        "id": "the row's number",
        "uuid": "the row's lasting name; part of what seals its secrets",
        "created_at": "when the row was made",
        "updated_at": "when the row was saved last",
    }
)

MEANINGS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "access_apitoken": {
            "name": "whose token it is; shown as the actor of what it does",
            "secret_hash": "SHA-256 of the token; the token itself is kept nowhere",  # nosec B105
            "expires_at": "refused from then on; null: never",
            "last_used_at": "noted at most once a minute",
            "revoked_at": "refused from then on",
        },
        "access_idempotentanswer": {
            "route": "URL name of the route that was called",
            "key": "the caller's `Idempotency-Key`",
            "part": "which part of a request with several answers",
            "claimed_until": "until when the first request may take; after it another may try",
            "completed_at": "when the answer was kept; null while it is carried out",
            "status": "HTTP status of the answer",
            "body": "the answer",
            "kept_until": "repeats are answered until then",
        },
        "audit_auditevent": {"at": "when it was done"},
        "inventory_targetcloud": {
            "name": "name in the inventory document",
            "endpoint": "address of CloudStack's API",
            "api_key_sealed": "API key, sealed with FIELD_KEY",
            "secret_key_sealed": "secret key, sealed with FIELD_KEY",  # nosec B105
            "zone_id": "CloudStack's id of the zone",
            "default_offering_id": "service offering for VMs that name none",
            "placeholder_template_id": "template that target VMs are deployed from; its disk is dropped",
            "ca_file": "file of the CA that signed the endpoint's certificate; blank: the system's",
            "version": "CloudStack's version at the last probe",
            "customjobid_honoured": "whether job ids that we chose were kept; null: not seen yet",
            "clock_skew_seconds": "how far the cloud's clock is ahead of ours",
            "running_snapshots_allowed": "whether volumes of running VMs may be cut; null: not probed",
            "expunge_allowed": "whether the key may expunge VMs",
            "probed_at": "when it was probed last",
            "probe_error": "the doubt that the probe left, in words",
        },
        "inventory_appliance": {
            "name": "name in the inventory document",
            "virtual_machine_id": "CloudStack's id of the appliance",
            "hook_url": "address of the replication engine's hook",
            "hook_secret_sealed": "secret that signs calls of the hook, sealed with FIELD_KEY",  # nosec B105
        },
        "inventory_protectedvm": {
            "vm_id": "the source's id of the VM; the `vm_id` of the API",
            "name": "name in the source",
            "cpus": "virtual CPUs",
            "memory_mb": "memory in MiB",
            "secure_boot": "whether the guest boots with secure boot",
            "guest_os": "guest OS in the source's words",
            "target_os_type": "CloudStack's OS type, where it is not derived from `guest_os`",
            "service_offering_id": "service offering, where it is not the cloud's default",
        },
        "inventory_vmdisk": {
            "position": "place in the boot order; 0 is the boot disk",
            "label": "name in the source",
            "size_bytes": "size in bytes",
        },
        "inventory_vmnic": {
            "position": "place among the VM's NICs",
            "mac": "MAC address, lower case, colons",
            "network_name": "network in the source; mappings are by it",
            "addresses": "IP addresses that the source saw",
        },
        "inventory_replicavolume": {
            "volume_id": "CloudStack's id of the volume",
            "change_id": "change id of the last sync; blank: never synced",
            "last_sync_at": "when the last sync ended",
            "state_since": "when the content stopped being trusted; null while it comes from the first syncs",
        },
        "inventory_replication": {
            "replication_id": "the replication engine's id of the run",
            "percentage": "how far it is, 0 to 100",
            "started_at": "when it began",
            "finished_at": "when it ended; null while it runs",
            "last_word_at": "when the engine last said anything about it",
            "message": "what the engine said last",
        },
        "inventory_vmreservation": {
            "reference": "job id or replication id of the holder",
            "taken_at": "since when",
        },
        "networks_networkdesignation": {"is_test_network": "true: for tests only; false: for live failovers only"},
        "networks_networkmapping": {
            "source_network_name": "network in the source",
            "destination_network_id": "CloudStack's id of the target network",
            "destination_network_name": "its name, for people",
            "is_test_network": "true: for test failovers; false: for live ones",
            "keep_mac": "whether the target NIC gets the source's MAC",
            "fixed_ip": "address of the target NIC; null: CloudStack chooses",
        },
        "notifications_notification": {"created_at": "when it happened"},
        "notifications_subscription": {"name": "who wants to be told"},
        "validation_validationcheck": {
            "position": "place among the checks of the run",
            "check_name": "name of the check, as readiness shows it",
            "is_safety": "whether `skip_validation` does not skip it",
            "message": "what was found, in words",
            "details": "what was found, in fields",
            "required_action": "what to do about it",
            "execution_time_ns": "how long the check took, in nanoseconds",
            "checked_at": "when",
        },
        "jobs_failoverjob": {
            "source_vm_id": "the VM's `vm_id`, kept apart from its row",
            "vm_name": "name that the request gave, else the VM's",
            "error_code": "key of the API's table of error codes",
            "error_message": "why it failed, in words",
            "destination_vm_id": "CloudStack's id of the target VM",
            "snapshot_id": "CloudStack's id of the boot disk's snapshot",
            "point_of_no_return_at": "when the start of the target VM was ordered",
            "cancel_requested_at": "when somebody asked to cancel it",
            "cancel_requested_by": "who asked",
            "auto_cleanup": "whether the clock ends the test",
            "window_ends_at": "when the test's time is over",
            "cleanup_requested_at": "when somebody, or the clock, asked for the cleanup",
            "requested_by": "who started it",
            "reason": "why, in the words of who started it",
            "skip_validation": "whether the checks of convenience were left out",
            "network_mappings": "overrides of the request: source network → target network id",
            "custom_config": "as the request gave it",
            "notification_config": "as the request gave it",
            "warnings": "what the request held that has no effect, and what is unusual",
            "started_at": "when its first step began",
            "completed_at": "when it was finished",
        },
        "jobs_plan": {"number": "place among the job's plans", "finished_at": "when it ended"},
        "jobs_step": {
            "key": "name of the step within its plan",
            "position": "place in the plan",
            "command": "which command it is",
            "version": "version of the command's arguments",
            "title": "what it does, in words",
            "is_point_of_no_return": "whether nothing is undone by itself once it is intended",
            "attempts_made": "how many attempts were made",
            "result": "what the command gave, for the steps after it",
            "not_before": "waits until then",
            "waiting_since": "since when it waits",
            "wait_limit": "after so many seconds of waiting a person is asked; empty where the wait has no limit",
            "started_at": "when its first attempt was intended",
            "finished_at": "when it was done, failed or skipped",
        },
        "jobs_stepattempt": {
            "number": "place among the step's attempts",
            "endpoint": "uuid of the target cloud that is called",
            "intent_at": "when it was committed, before the call",
            "submitted_at": "when CloudStack took the job",
            "answered_at": "when call or async job ended",
            "ended_at": "when its effect was known",
            "next_look_at": "when it is looked at again",
            "answer": "what CloudStack answered",
            "explanation": "why it was judged so, in words",
        },
        "jobs_reservation": {
            "resource": "`volume:…`, `vm:…`, `hot-plug:…`",
            "taken_at": "since when",
        },
        "jobs_jobevent": {
            "at": "when",
            "kind": "what kind of event",
            "message": "what happened, in words",
            "step_key": "key of the step it is about",
            "async_job_id": "CloudStack's job it is about",
            "actor": "who did it; blank: the service itself",
            "fields": "what else is known of it",
        },
        "jobs_processlease": {
            "owner": "name of the process, not used again",
            "host": "host that it runs on",
            "pid": "its number there",
            "started_at": "when it registered",
            "valid_until": "counts as dead from then on, unless it renews",
        },
        "jobs_rolelease": {
            "role": "what only one process does at a time",
            "owner": "who does it",
            "valid_until": "another may take it from then on, unless it is renewed",
            "last_tick_at": "when it was renewed last",
        },
        "jobs_pulse": {
            "part": "which part of the service",
        },
        "jobs_question": {
            "kind": "what kind of question; the runbook has a section for each",
            "text": "the question, in words",
            "asked_at": "when it was asked",
            "answered_at": "when it was answered; null while it is open",
            "answer": "the choice that was taken",
            "answered_by": "who chose",
            "answer_reason": "why, in that person's words",
        },
        "jobs_commandtiming": {
            "endpoint": "uuid of the target cloud",
            "command": "which command",
            "mean_seconds": "moving average of its seconds",
            "samples": "how many times it was measured",
        },
    }
)

# Django's own, which come with it and are described in its documents.
FRAMEWORK_TABLES: Mapping[str, str] = MappingProxyType(
    {
        "auth_group": "groups of browser users; those named viewer, operator and admin are roles",
        "auth_group_permissions": "what a group may do in the admin",
        "auth_permission": "what there is to be permitted",
        "auth_user": "users of the browser, with hashed passwords",
        "auth_user_groups": "which user is in which group",
        "auth_user_user_permissions": "what a user may do in the admin beside the groups",
        "django_admin_log": "what was changed in the admin, and by whom",
        "django_content_type": "names of the models",
        "django_migrations": "which migrations were applied",
        "django_session": "sessions of the browser",
    }
)
