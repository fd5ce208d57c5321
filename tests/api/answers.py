"""What an answer must look like, whatever was asked."""

from typing import cast

import httpx2

from tests.api.shop import Json

_ALWAYS = {"type", "title", "status", "detail", "code", "request_id"}


def problem(answer: httpx2.Response, status: int, code: str) -> Json:
    """See that the answer is a problem document (RFC 9457) of this kind and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = cast("Json", answer.json())
    assert told.keys() >= _ALWAYS
    assert all(isinstance(told[name], str) and told[name] for name in _ALWAYS - {"status"})
    assert (told["status"], told["code"]) == (status, code)
    return told


def bad_input(answer: httpx2.Response, status: int = 422) -> list[str]:
    """See that the answer refuses bad input and return the pointers to it."""
    told = problem(answer, status, "invalid_request")
    for error in told["errors"]:
        assert error.keys() == {"pointer", "code", "detail"}
        assert error["code"]
        assert error["detail"]
    return [error["pointer"] for error in told["errors"]]
