"""Bodies that are files: taken as they come, piece by piece, into a file that has no name.

A file is worth more patience than a request: it may take minutes, as long as something of it comes every few seconds.
"""

import asyncio
import tempfile
from typing import IO, Any

from starlette.types import Receive, Scope

from server.http_protocol import TRANSPORT_EXTENSION, BoundedHttp
from server.problems import HttpProblem, bad_field

PIECE_BYTES = 1024**2
"""What is written at a time, in a thread: disks have moods."""
WHOLE_SECONDS = 900.0


class Upload:
    """A file on its way to us."""

    def __init__(self, scope: Scope, receive: Receive, headers: dict[bytes, bytes]) -> None:
        self._scope = scope
        self._receive = receive
        self._headers = headers

    @property
    def media_type(self) -> str:
        given = self._headers.get(b"content-type", b"").split(b";")[0]
        return given.strip().lower().decode("latin-1")

    async def save(self, most: int) -> tuple[IO[bytes], int]:
        """Return the file, at its beginning, and its size; whoever closes it deletes it.

        Raises a problem when it is larger than `most` bytes, comes packed, breaks off, or takes a quarter of an hour.
        """
        if self._headers.get(b"content-encoding", b"identity") != b"identity":
            raise HttpProblem(
                415,
                "unsupported_media_type",
                "The body is not of a type that is read here",
                "send the file as it is",
            )
        length = self._headers.get(b"content-length")
        if length is not None and int(length) > most:
            raise _too_large(most)
        file = await asyncio.to_thread(tempfile.TemporaryFile)
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                size = await self._write(file, most)
        except TimeoutError:
            file.close()
            raise bad_field("", "too_slow", "the file took too long", status=408) from None
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file, size

    async def _write(self, file: IO[bytes], most: int) -> int:
        size, kept, is_whole = 0, bytearray(), False
        while not is_whole:
            message: Any = await self._receive()
            if message["type"] == "http.disconnect":
                raise bad_field("", "incomplete", "the body ended too soon", status=400)
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > most:
                raise _too_large(most)
            kept += piece
            is_whole = not message.get("more_body")
            if len(kept) >= PIECE_BYTES or (is_whole and kept):
                await asyncio.to_thread(file.write, bytes(kept))
                kept.clear()
            self._ask_for_patience()
        await asyncio.to_thread(file.flush)
        return size

    def _ask_for_patience(self) -> None:
        transport = self._scope.get("extensions", {}).get(TRANSPORT_EXTENSION)
        protocol = transport.get_protocol() if transport is not None else None
        if isinstance(protocol, BoundedHttp):
            protocol.wait_on()


def _too_large(most: int) -> HttpProblem:
    return HttpProblem(
        413, "too_large", "The body is too large", f"at most {most // 1024**2} MiB are taken"
    )
