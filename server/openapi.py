"""The OpenAPI 3.1 document, made from the operation table and the structs it names."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from server.contract import Access, Idempotency, Operation
from server.links import links_of
from server.problems import Problem, row_of
from server.webhooks.events import EVENTS

_REF = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"{(\w+)}")
# What the exchange itself can run into, whatever the operation.
_OF_BODIES = {
    400: "invalid_request",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
}
_OF_QUERIES = {400: "invalid_request", 422: "invalid_request"}
PREFIX = "/api/v1"


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """Return the document as plain data, ready for JSON."""
    listed = list(operations)
    structs = [t for o in listed for t in (o.body_type, o.returns) if t is not None]
    _, components = msgspec.json.schema_components(
        [*structs, Problem, *EVENTS.values()], ref_template=_REF
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        path = paths.setdefault(PREFIX + operation.path, {})
        path[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Omnibus",
            "version": version,
            "summary": "Seats of buses: searched, held, booked, paid, cancelled.",
            "description": "Errors are problem documents (RFC 9457); programs branch on `code`. "
            "Seat changes are pushed over the WebSocket at `/ws`; `/asyncapi.json` describes that.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "webhooks": {name.value: _webhook(event) for name, event in EVENTS.items()},
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _webhook(event: type[msgspec.Struct]) -> dict[str, Any]:
    """Describe what we post to others (docs/webhooks.md)."""
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    schema = {"$ref": _REF.format(name=event.__name__)}
    return {
        "post": {
            "summary": (event.__doc__ or "").strip().split("\n")[0],
            "tags": ["webhooks"],
            "parameters": [
                {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
                for name in headers
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {
                "2XX": {"description": "It has arrived."},
                "410": {"description": "Nothing more is to be sent here."},
            },
        }
    }


def _operation(operation: Operation) -> dict[str, Any]:
    written: dict[str, Any] = {
        "operationId": operation.name,
        "summary": (operation.handler.__doc__ or "").strip().split("\n")[0],
        "tags": [operation.path.split("/")[1]],
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.body_type is not None:
        schema = {"$ref": _REF.format(name=operation.body_type.__name__)}
        written["requestBody"] = {
            "required": not operation.is_body_optional,
            "content": {"application/json": {"schema": schema}},
        }
    if operation.file_media is not None:
        written["requestBody"] = {
            "required": True,
            "content": {operation.file_media: {"schema": {"type": "string", "format": "binary"}}},
        }
    if None in operation.access.value:
        written["security"] = [{}, {"bearer": []}]
    else:
        written["security"] = [{"bearer": []}]
    return written


def _spelled_out(field: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter with what it refers to: only bodies have their schemas elsewhere."""
    if "$ref" in field:
        return dict(components[field["$ref"].rsplit("/", 1)[1]])
    choices = [_spelled_out(each, components) for each in field.get("anyOf", ())]
    return {**field, "anyOf": choices} if choices else dict(field)


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(operation.path)
    ]
    if operation.query_type is not None:
        (schema,), components = msgspec.json.schema_components(
            [operation.query_type], ref_template=_REF
        )
        query = components[schema["$ref"].rsplit("/", 1)[1]]
        required = query.get("required", [])
        parameters += [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "schema": _spelled_out(field, components),
            }
            for name, field in query["properties"].items()
        ]
    if operation.idempotency is not Idempotency.NONE:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": operation.idempotency is Idempotency.REQUIRED,
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": "^[!-~]([ -~]*[!-~])?$",
                },
                "description": "The same key and request get the stored answer.",
            }
        )
    parameters += [
        {
            "name": name,
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": meaning,
        }
        for name, meaning in operation.headers.items()
    ]
    return parameters


def _responses(operation: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done"}
    if content := _content(operation):
        success["content"] = content
    if links := links_of(operation.name):
        success["links"] = links
    responses = {str(operation.status): success}
    if operation.has_etag:
        responses["304"] = {"description": "Nothing has changed since the ETag given"}
    for status, names in sorted(_codes(operation).items()):
        responses[str(status)] = {
            "description": ", ".join(f"`{name}`" for name in dict.fromkeys(names)),
            "content": {
                "application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}
            },
        }
    return responses


def _codes(operation: Operation) -> dict[int, list[str]]:
    codes: dict[int, list[str]] = {}
    for problem in operation.problems:
        row = row_of(problem)
        codes.setdefault(row.status, []).append(row.code)
    for status, code in operation.refusals.items():
        codes.setdefault(status, []).append(code)
    has_body = operation.body_type is not None or operation.file_media is not None
    exchange = _OF_BODIES if has_body else _OF_QUERIES if operation.query_type else {}
    if operation.idempotency is not Idempotency.NONE:
        exchange = {400: "invalid_request"} | exchange
    for status, code in exchange.items():
        codes.setdefault(status, []).append(code)
    # Also of public operations: a token that is sent must be good.
    codes.setdefault(401, []).append("unauthenticated")
    codes.setdefault(429, ["rate_limited"])
    if operation.access is not Access.READERS:
        codes.setdefault(403, ["forbidden"])
    # Of everybody whose role needs a second factor, until they have it.
    if not operation.is_for_enrolment:
        codes.setdefault(403, []).append("second_factor_required")
    return codes


def _content(operation: Operation) -> dict[str, Any]:
    if operation.text is not None:
        return {operation.text: {"schema": {"type": "string"}}}
    if operation.returns is None or operation.status == 204:
        return {}
    schema = {"$ref": _REF.format(name=operation.returns.__name__)}
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if operation.other_text is not None:
        content[operation.other_text] = {"schema": {"type": "string"}}
    return content
