"""What is told to a request that is refused at the door: written once, but for its id and when to come back."""

import random
from typing import NamedTuple

from server.headers import ALWAYS_ADDED
from server.problems import CONTENT_TYPE, describe, write
from store.errors import Overloaded

STATUS = 503
_RETRY_AFTER_SECONDS = (1, 2, 3)
"""Drawn by lot, so that those who were refused together do not come back together."""
_ID = "0" * 16  # of the length of a real one


class _Form(NamedTuple):
    lines: bytes
    body: bytes


def _print(seconds: int) -> _Form:
    body = write(describe(Overloaded(seconds), _ID)).replace(b"%", b"%%")
    lines = (
        b"content-type: %b\r\ncache-control: no-store\r\nretry-after: %d\r\ncontent-length: %d\r\n"
        % (
            CONTENT_TYPE,
            seconds,
            len(body),
        )
    )
    form = lines + ALWAYS_ADDED + b"x-request-id: %b\r\n"
    return _Form(form, body.replace(_ID.encode(), b"%b"))


_FORMS = tuple(map(_print, _RETRY_AFTER_SECONDS))
# Seeded by the system, so that no two processes say the same.
_RANDOM = random.Random()  # noqa: S311 - an id finds a line in a log, it keeps no secret


def fill_in() -> tuple[bytes, bytes]:
    """Return the header lines and the body of one refusal."""
    form = _FORMS[_RANDOM.getrandbits(16) % len(_FORMS)]
    request_id = b"%016x" % _RANDOM.getrandbits(64)
    return form.lines % request_id, form.body % request_id
