"""This will list every error code of the API: its HTTP status, what it means and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class ErrorCode:
    """This will describe one error code; `required_actions` are the default when an error brings none of its own."""

    code: str
    status: int
    message: str
    meaning: str
    required_actions: tuple[str, ...]


def _table(*codes: ErrorCode) -> Mapping[str, ErrorCode]:
    return MappingProxyType({code.code: code for code in codes})


ERROR_CODES: Mapping[str, ErrorCode] = _table(
    # The contract's own codes.
    ErrorCode(
        "VALIDATION_FAILED",
        409,
        "Validation failed",
        "The VM may not fail over now; the findings say why.",
        ("Read the VM's readiness and do what it asks for",),
    ),
    ErrorCode(
        "VM_NOT_FOUND",
        404,
        "VM not found",
        "No protected VM has this vm_id.",
        ("Check the vm_id", "Import the VM into the inventory"),
    ),
    ErrorCode(
        "ACTIVE_JOBS",
        409,
        "VM has active jobs",
        "A failover or a replication works on the VM; the error names it.",
        ("Wait for the active job to finish", "Cancel the active job"),
    ),
    ErrorCode(
        "NETWORK_MAPPING_MISSING",
        409,
        "Required network mappings are not configured",
        "A source network of the VM has no mapping for this kind of failover; there is never a fallback.",
        ("Create the missing network mappings",),
    ),
    ErrorCode(
        "VOLUME_NOT_AVAILABLE",
        409,
        "A replica volume is not available",
        "A replica volume is missing, not Ready, or not attached to its appliance.",
        ("Read the VM's readiness: it names the volume and what is wrong with it",),
    ),
    ErrorCode(
        "SNAPSHOT_FAILED",
        409,
        "Snapshot creation failed",
        "CloudStack could not take or use a snapshot.",
        ("Read the job's steps: they hold CloudStack's answer",),
    ),
    ErrorCode(
        "OSSEA_API_ERROR",
        503,
        "The target cloud does not answer as it should",
        "CloudStack could not be reached, or refused what the service needs from it.",
        ("Check the target cloud's endpoint, its API key and the network between", "Try again"),
    ),
    ErrorCode(
        "INTERNAL_ERROR",
        500,
        "Unexpected system error",
        "A defect of this service; it is in the log under the request id.",
        ("Report the request_id to the people who run the service",),
    ),
    # Ours, for what the contract leaves open.
    ErrorCode(
        "OSSEA_NOT_CONFIGURED",
        503,
        "The target cloud is not configured",
        "The VM has no usable target cloud.",
        ("Import a target cloud (endpoint, API key, secret key, zone) into the inventory",),
    ),
    ErrorCode(
        "SERVICE_PAUSED",
        503,
        "The service is paused",
        "The database is older than the world (a backup was restored): nothing is begun until somebody confirms it.",
        ("Compare with manage.py verify_world, then confirm with manage.py confirm_database",),
    ),
    ErrorCode(
        "DATABASE_UNAVAILABLE",
        503,
        "The database is not available",
        "The service cannot reach its database; jobs stand still until it is back.",
        ("Look after the database server; jobs go on by themselves",),
    ),
    ErrorCode(
        "INVALID_REQUEST",
        400,
        "Invalid request",
        "A parameter is missing, unknown in value, or of the wrong type; the error names it.",
        ("Correct the parameters that the error names",),
    ),
    ErrorCode(
        "MALFORMED_REQUEST",
        400,
        "Malformed request",
        "Body, path, query string or a header cannot be read, or breaks a limit.",
        ("Send valid UTF-8 JSON within the documented limits to a host that the service is configured for",),
    ),
    ErrorCode(
        "REQUEST_TOO_LARGE",
        413,
        "Request too large",
        "The body is larger than 256 KiB.",
        ("Send a smaller body",),
    ),
    ErrorCode(
        "NOT_AUTHENTICATED",
        401,
        "Authentication required",
        "There is no valid token: missing, unknown, expired or revoked.",
        ("Send 'Authorization: Token …'; an administrator makes one with manage.py create_token",),
    ),
    ErrorCode(
        "PERMISSION_DENIED",
        403,
        "Permission denied",
        "The caller's role may not do this, or a request of the browser lacks its CSRF token.",
        ("Use a token with the role that the error names",),
    ),
    ErrorCode("NOT_FOUND", 404, "Not found", "There is no such route or resource.", ("Check the address",)),
    ErrorCode(
        "JOB_NOT_FOUND",
        404,
        "Failover job not found",
        "No failover job has this job_id.",
        ("List the jobs with GET /api/v1/failover/jobs",),
    ),
    ErrorCode(
        "MAPPING_NOT_FOUND",
        404,
        "Network mapping not found",
        "The VM has no such mapping.",
        ("List the VM's mappings with GET /api/v1/network-mappings/{vm_id}",),
    ),
    ErrorCode(
        "MAPPING_EXISTS",
        409,
        "Network mapping already exists",
        "The VM already has a mapping for this source network and purpose.",
        ("Replace it with PUT, or delete it first",),
    ),
    ErrorCode(
        "INVALID_STATE",
        409,
        "The job's state does not allow this",
        "What was asked for is not among the job's allowed actions now.",
        ("Read the job's status: it lists the allowed actions",),
    ),
    ErrorCode(
        "IDEMPOTENCY_KEY_REUSED",
        409,
        "Idempotency-Key already used",
        "Another request was made under this Idempotency-Key: the path, the query or the body differs.",
        ("Send a key of its own with each request", "To repeat a request send it unchanged"),
    ),
    ErrorCode(
        "IDEMPOTENCY_KEY_IN_PROGRESS",
        409,
        "The first request is still under way",
        "A request with this Idempotency-Key is being carried out; its answer is not there yet.",
        ("Repeat the same request after the seconds that the Retry-After header says",),
    ),
    ErrorCode(
        "METHOD_NOT_ALLOWED",
        405,
        "Method not allowed",
        "The route does not know this method.",
        ("Use a method that the Allow header names",),
    ),
    ErrorCode("NOT_ACCEPTABLE", 406, "Not acceptable", "The service answers application/json only.", ("Accept JSON",)),
    ErrorCode(
        "UNSUPPORTED_MEDIA_TYPE",
        415,
        "Unsupported media type",
        "The service reads application/json only.",
        ("Send the body as application/json",),
    ),
    ErrorCode(
        "TOO_MANY_REQUESTS",
        429,
        "Too many requests",
        "The caller asks more often than is allowed.",
        ("Wait as long as the Retry-After header says",),
    ),
)
