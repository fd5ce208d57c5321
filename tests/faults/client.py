"""A client that knows three ends of a request: an answer, no answer because the server went away, and a hang."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

_HANGS_SECONDS = 20.0
"""Far beyond the server's own patience: whoever waits that long has been forgotten."""


class Unanswered(Exception):
    """The connection ended before a whole answer was there; what became of the request is unknown."""


class Refused(Unanswered):
    """Nobody listened, so nothing was sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def document(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read

    @property
    def is_replayed(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"


class Client:
    """One connection at a time to one server, kept alive; a new one after the old has ended."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and return its answer; raise Unanswered."""
        try:
            async with asyncio.timeout(_HANGS_SECONDS):
                return await self._exchange(_encode(method, path, body, headers or {}))
        except TimeoutError:
            raise AssertionError(f"no answer in {_HANGS_SECONDS} s: {method} {path}") from None
        except (OSError, EOFError) as error:
            self.close()
            raise Unanswered from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection[1].transport.abort()
            self._connection = None

    async def _exchange(self, request: bytes) -> Answer:
        if self._connection is None:
            try:
                self._connection = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionRefusedError as error:
                raise Refused from error
        reader, writer = self._connection
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(head[0].split()[1]), headers, body)


async def fetch_status(port: int, path: str) -> int | None:
    """Return the status of a GET over a connection of its own, or None when nobody answers."""
    with closing(Client(port)) as client, suppress(Unanswered):
        return (await client.send("GET", path)).status
    return None


def _encode(method: str, path: str, body: object, headers: Mapping[str, str]) -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: omnibus.test", f"content-length: {len(data)}"]
    if body is not None:
        lines.append("content-type: application/json")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + data
