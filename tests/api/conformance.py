"""Holds every answer that a test gets against the OpenAPI document: its status, its type, its body."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx2
import msgspec
from jsonschema_rs import Draft202012Validator

from server.app import openapi_document

_DOCUMENT: Mapping[str, Any] = msgspec.json.decode(openapi_document())
_PATHS = {
    re.compile(re.sub(r"{\w+}", "[^/]+", path)): methods
    for path, methods in _DOCUMENT["paths"].items()
}


async def check(answer: httpx2.Response) -> None:
    """See that the document has told of this answer; for an `httpx2` response hook."""
    operation = _find(answer.request.method.lower(), answer.request.url.path)
    if operation is None:
        return
    status = str(answer.status_code)
    promised = operation["responses"].get(status)
    assert promised is not None, f"{operation['operationId']} answered {status}"
    await answer.aread()
    content = promised.get("content")
    if content is None:
        assert answer.content == b""
        return
    assert answer.headers["content-type"] in content
    schema = content[answer.headers["content-type"]]["schema"]
    if "$ref" in schema:
        _validator(schema["$ref"]).validate(answer.json())


def _find(method: str, path: str) -> Mapping[str, Any] | None:
    for pattern, methods in _PATHS.items():
        if pattern.fullmatch(path):
            found: Mapping[str, Any] | None = methods.get(method)
            return found
    return None


@cache
def _validator(ref: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": ref, "components": _DOCUMENT["components"]})
