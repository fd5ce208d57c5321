"""That callers see what they have written, although their reads may go to a standby (`store/reader.py`).

Whatever changes something is answered with a mark, in a header and in a short-lived cookie; reads that show one wait
for what it stands for. Whoever keeps neither, but is signed in, is remembered by the process that served the write. A
mark says nothing and opens nothing, so it needs no signature: one that was made up only buys newer data.
"""

import re
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from server.headers import Headers
from store.model import Caller
from store.reader import MARK_SECONDS, Marks, see

if TYPE_CHECKING:
    from server.contract import Call

HEADER = b"omnibus-seen"
COOKIE = "omnibus_seen"
_MARK = re.compile(r"[0-9a-f]{16}")
_COOKIE = f"{COOKIE}=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age={MARK_SECONDS}"


class Sight:
    """What callers are told of their writes, and what of that they must see when they read."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def open(self, call: "Call") -> None:
        """Let a read see standbys, as long as they show what its caller has written."""
        shown = {*_shown(call.headers)}
        if (name := _name(call.caller)) and (latest := self._marks.latest(name)):
            shown.add(latest)
        see(*shown)

    def tell(self, call: "Call") -> Headers:
        """Return what whoever may have written something keeps until it reads."""
        mark = self._marks.note(_name(call.caller))
        cookie = _COOKIE % mark + ("; Secure" if call.scheme == "https" else "")
        return (HEADER, mark.encode()), (b"set-cookie", cookie.encode())


def _shown(headers: dict[bytes, bytes]) -> list[str]:
    """Return the marks that a request shows, those that look like ours."""
    given = [headers.get(HEADER, b"").decode("latin-1")]
    cookies = headers.get(b"cookie")
    if cookies is not None and COOKIE.encode() in cookies:
        try:
            found = SimpleCookie(cookies.decode("latin-1")).get(COOKIE)
        except CookieError:
            found = None
        given += [found.value] if found else []
    return [each for each in given if _MARK.fullmatch(each)]


def _name(caller: Caller) -> str | None:
    """Return what a caller is known by here: all guests would be one, so they are by their marks alone."""
    if caller.user_id is None and caller.device_id is None:
        return None
    return caller.scope
