"""What a request wants, told from its bytes without decoding them: enough to see with whom it waits."""

import re

_HOLDS = "/holds"
_BUS = re.compile(rb'"bus_id"\s*:\s*"?([0-9]{1,19})')


def find_bus(path: str, body: bytes | bytearray) -> str:
    """Return the bus that a request wants seats of; empty if none is named.

    A lie or a repeated name only changes with whom the request waits.
    """
    if path.endswith(_HOLDS):
        return path.removesuffix(_HOLDS).rpartition("/")[2]
    found = _BUS.search(body)
    return found[1].decode() if found else ""
