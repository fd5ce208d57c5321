"""uvicorn's HTTP protocol with the bounds it leaves to a proxy: no head without end, no request that never arrives."""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES_MAX = 65_536
ARRIVAL_SECONDS = 10.0


class BoundedHttp(HttpToolsProtocol):
    """Refuses a head above 64 KiB and a request that has not arrived as a whole 10 s after it began.

    The length is looked at after every read, so that a head may go over it by one read; small requests, which arrive
    in one piece, cost two comparisons.
    """

    _is_arriving = False
    _is_in_head = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        # uvicorn's own timer starts after the first answer: before it, silence would last for ever.
        self._deadline = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is not None and not self._is_arriving:
            self._stop_waiting()
        super().data_received(data)
        if self._is_arriving:
            self._wait_for_rest(len(data))
        elif self._deadline is not None:
            self._stop_waiting()

    def handle_websocket_upgrade(self) -> None:
        self._is_arriving = False
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        self._is_arriving = self._is_in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_arriving = False
        super().on_message_complete()

    def _wait_for_rest(self, size: int) -> None:
        if self._is_in_head:
            self._head_bytes += size
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._deadline is None:
            late = HTTPStatus.REQUEST_TIMEOUT
            self._deadline = self.loop.call_later(ARRIVAL_SECONDS, self._refuse, late)

    def _refuse(self, status: HTTPStatus) -> None:
        """Close the connection, with a word where no other answer is under way."""
        if self.transport.is_closing():
            return
        last: RequestResponseCycle | None = self.cycle  # None before the first request
        if self._is_in_head and (last is None or last.response_complete):
            self.transport.write(
                f"HTTP/1.1 {status} {status.phrase}\r\n"
                "content-length: 0\r\nconnection: close\r\n\r\n".encode()
            )
        self.transport.close()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
