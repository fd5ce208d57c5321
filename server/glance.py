"""What a request asks for, told from its bytes without parsing them: enough to refuse it, or to see whom it waits with.

Only what leaves no doubt where it ends is recognised, so that nobody reads the next request of a connection otherwise
than we do: a plain head, at most one length, no coding, no expectation, no change of protocol. All else is None here
and goes to the parser, which may find that it is no HTTP at all.
"""

import re

# Every step is possessive: no head, however made, is looked at twice.
_HEAD = re.compile(
    rb"(GET|POST|PUT|DELETE) (/api/v1/[\w./-]*+)(?:\?[\w.=&,:%+-]*+)? HTTP/1\.1\r\n"
    rb"((?:[\w-]++:[\t -~]*+\r\n)*+)\r\n",
    re.ASCII,
)
_LENGTH = re.compile(rb"content-length: ?([0-9]{1,9})\r")
_LINE_FEED = 10
_HOLDS = "/holds"
_BUS = re.compile(rb'"bus_id"\s*:\s*"?([0-9]{1,19})')
_KEEP_ALIVE = re.compile(rb"connection: ?keep-alive\r")


def glance(data: bytes) -> tuple[str, str] | None:
    """Return method and path if these bytes are one whole plain request to the API, and nothing else."""
    found = _HEAD.match(data)
    if found is None:
        return None
    method, path, head = found.groups()
    head = head.lower()
    if b"transfer-encoding:" in head or b"expect:" in head or b"upgrade:" in head:
        return None
    if b"connection:" in head and not _says_once(_KEEP_ALIVE, b"connection:", head):
        return None
    length = 0
    if b"content-length:" in head:
        said = _says_once(_LENGTH, b"content-length:", head)
        if said is None:
            return None
        length = int(said[1])
    if found.end() + length != len(data):
        return None
    return method.decode(), path.decode()


def find_bus(path: str, body: bytes | bytearray) -> str:
    """Return the bus that a request wants seats of, as far as can be told without decoding it; empty if none is named.

    A lie or a repeated name only changes with whom the request waits.
    """
    if path.endswith(_HOLDS):
        return path.removesuffix(_HOLDS).rpartition("/")[2]
    found = _BUS.search(body)
    return found[1].decode() if found else ""


def _says_once(pattern: "re.Pattern[bytes]", name: bytes, head: bytes) -> "re.Match[bytes] | None":
    """Return what a header says that stands there once, as a line of its own and as it should."""
    found = pattern.search(head) if head.count(name) == 1 else None
    if found is None or (found.start() and head[found.start() - 1] != _LINE_FEED):
        return None
    return found
