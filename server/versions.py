"""Versions of things that people edit: strong ETags out, `If-Match` in."""

import re
from typing import Any

from server import wire
from server.contract import Answer, Call

IF_MATCH = {
    "If-Match": "The ETag of what you have seen; if it is another by now, nothing is changed (412)"
}
_TAG = re.compile(rb'"(\d{1,9})"')


def versioned(shape: Any, version: int) -> Answer:
    """Return an answer with the ETag that a later change may name."""
    headers = (
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"etag", f'"{version}"'.encode()),
    )
    return Answer(200, wire.encode(shape), headers)


def versions_expected(call: Call) -> frozenset[int] | None:
    """Return the versions that `If-Match` names; None for a caller who changes whichever it is.

    What is no ETag of ours is one that nothing has, a weak one too: both match nothing.
    """
    given = call.headers.get(b"if-match")
    if given is None or given.strip() == b"*":
        return None
    tags = (_TAG.fullmatch(tag.strip()) for tag in given.split(b","))
    return frozenset(int(tag[1]) for tag in tags if tag)
