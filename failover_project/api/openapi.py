"""This will complete the API's description: how to authenticate, and what every operation answers when it refuses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from failover_project.api.error_codes import ERROR_CODES

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
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …` or `Bearer …`; made by `manage.py create_token`.",
        }


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
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
    for status in statuses:
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
