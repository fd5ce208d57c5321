"""By which names we are known: a request for another host was not meant for us, or means to fool us."""

import re
from collections.abc import Iterable

from starlette.types import Scope

from server.problems import HttpProblem

_HOST = re.compile(
    rb"(?P<name>[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?", re.IGNORECASE
)


class Hosts:
    """`names` without ports; empty: any. The probes of an orchestrator, which know an address only, are let through."""

    def __init__(self, names: Iterable[str], free_paths: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower().encode() for name in names)
        self._free_paths = frozenset(free_paths)

    def find_fault(self, scope: Scope) -> HttpProblem | None:
        """Return the problem of a request that is not for us; also of one that names two hosts, or none that can be."""
        if not self._names or scope["path"] in self._free_paths:
            return None
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            return HttpProblem(400, "invalid_request", "The request makes no sense", "say one Host")
        if found["name"].lower() not in self._names:
            return HttpProblem(
                421, "misdirected", "This is another host", "no such host is served here"
            )
        return None
