"""This will complete the API's description: how to authenticate, and what every operation answers when it refuses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

from failover_project.api.error_codes import ERROR_CODES
from networks.api.fields import IDENTIFIER, MAC, NAME, NAME_IN_SOURCE, TEXT, Id, Mac, Name, NameInSource, Text

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_ALWAYS = (400, 401, 403, 404, 405, 406, 429, 500)
_WITH_BODY = (409, 413, 415, 503)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """This will describe the token header."""

    target_class = "failover_project.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Give the OpenAPI security scheme."""
        del auto_schema
        return {
            "type": "http",
            "scheme": "bearer",
            "description": (
                "The bare token, made by `manage.py create_token` or in the admin; `Authorization: Token …` is taken "
                "too. Whoever is logged in to the admin needs none in this browser."
            ),
        }


class PatternOfField(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """This will show what texts, names and ids may hold."""

    target_class = "networks.api.fields.Text"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Give the field's schema with its pattern."""
        schema: dict[str, Any] = auto_schema._map_serializer_field(self.target, direction, bypass_extensions=True)
        pattern = next(pattern for kind, pattern in _PATTERNS if isinstance(self.target, kind))
        shortest = {} if self.target.allow_blank else {"minLength": 1}
        return {**schema, **shortest, "pattern": pattern}


_PATTERNS: tuple[tuple[type[Text], str], ...] = (
    (Id, IDENTIFIER),
    (Mac, MAC),
    (NameInSource, NAME_IN_SOURCE),
    (Name, NAME),
    (Text, TEXT),
)


class EnvelopeSchema(AutoSchema):
    """This will describe every answer as the envelope that it is, lists too."""

    def get_summary(self) -> str:
        """Give the first sentence of the description: what a list of operations shows."""
        return str(self.get_description()).partition("\n")[0].partition(". ")[0].rstrip(".")

    def _is_list_view(self, serializer: Any = None) -> bool:
        del serializer
        return False


# What can be done next with the job that an operation answers with.
_STARTS = ("start_live_failover", "start_test_failover")
_OF_A_JOB = (
    "failover_job_status",
    "failover_job_steps",
    "failover_job_events",
    "cancel_failover_job",
    "clean_up_test_failover",
    "answer_failover_question",
    "extend_test_failover",
    "commit_failover_job",
    "roll_back_failover_job",
)


def add_links(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Link every start with what may be asked about its job, or done to it."""
    del generator, request, public
    operations = [one for path in result.get("paths", {}).values() for one in path.values() if isinstance(one, dict)]
    known = {one.get("operationId") for one in operations}
    links = {
        operation_id: {"operationId": operation_id, "parameters": {"job_id": "$response.body#/job_id"}}
        for operation_id in _OF_A_JOB
        if operation_id in known
    }
    for operation in operations:
        if operation.get("operationId") in _STARTS:
            operation["responses"]["200"]["links"] = links
    return result


def add_error_answers(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Give every operation the error envelope for each status it can answer with."""
    del generator, request, public
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["ErrorAnswer"] = _error_schema()
    for path in result.get("paths", {}).values():
        for method, operation in path.items():
            if method in _METHODS:
                _add_to(operation, statuses=_ALWAYS + _WITH_BODY if method in {"post", "put", "delete"} else _ALWAYS)
    return result


def _add_to(operation: dict[str, Any], *, statuses: tuple[int, ...]) -> None:
    for status in statuses:
        answer = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
        codes = [code.code for code in ERROR_CODES.values() if code.status == status]
        described = {"description": " or ".join(codes), "content": answer}
        operation.setdefault("responses", {}).setdefault(str(status), described)


def _error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "\n".join(
            f"- `{code.code}` ({code.status}): {code.meaning} {'; '.join(code.required_actions)}."
            for code in ERROR_CODES.values()
        ),
        "properties": {
            "success": {"type": "boolean", "const": False},
            "message": text,
            "error": text,
            "error_code": {"type": "string", "enum": sorted(ERROR_CODES)},
            "timestamp": {"type": "string", "format": "date-time"},
            "request_id": text,
            "required_actions": {"type": "array", "items": text},
        },
        "required": ["success", "message", "error", "error_code", "timestamp", "request_id", "required_actions"],
    }
