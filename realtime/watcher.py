"""A connection as the hub knows it, whatever its transport is."""

from typing import Protocol

from realtime.outlet import Outlet
from realtime.protocol import CloseCode, ErrorCode


class Watcher(Protocol):
    """Hashed by identity."""

    @property
    def outlet(self) -> Outlet: ...

    @property
    def buses(self) -> set[int]:
        """What it watches or waits for; the hub keeps it."""

    def refuse(self, request_id: int, code: ErrorCode) -> None: ...
    def close(self, code: CloseCode) -> None: ...
    def abort(self) -> None: ...
