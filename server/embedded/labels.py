"""Passes on what services write, in whole lines with the service's name in front."""

import os
import selectors
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_LINE_BYTES_MAX = 65536


class Labels:
    def __init__(self, selector: selectors.BaseSelector, width: int) -> None:
        self._selector = selector
        self._width = width
        self._pipes: dict[int, tuple[str, bytearray]] = {}

    @contextmanager
    def pipe(self, name: str) -> Iterator[int]:
        """The writing end of a new pipe, for the time of a start."""
        readable, writable = os.pipe()
        os.set_blocking(readable, False)
        self._pipes[readable] = (name, bytearray())
        self._selector.register(readable, selectors.EVENT_READ, lambda: self._read(readable))
        try:
            yield writable
        finally:
            os.close(writable)

    def flush(self, name: str) -> None:
        for readable in [key for key, (owner, _) in self._pipes.items() if owner == name]:
            while readable in self._pipes and self._read(readable):
                pass

    def _read(self, readable: int) -> bool:
        """Pass on what is there; False when there is no more for now."""
        name, pending = self._pipes[readable]
        try:
            received = os.read(readable, _LINE_BYTES_MAX)
        except BlockingIOError:
            return False
        pending += received
        if not received:
            del self._pipes[readable]
            self._selector.unregister(readable)
            os.close(readable)
            if pending:
                pending += b"\n"
        *lines, rest = pending.split(b"\n")
        if len(rest) > _LINE_BYTES_MAX:
            lines, rest = [*lines, rest], bytearray()
        pending[:] = rest
        label = f"{name:<{self._width}} | ".encode()
        with suppress(OSError):  # nobody reads us any more; that is no reason to stop selling
            sys.stdout.buffer.write(b"".join(label + line + b"\n" for line in lines))
            sys.stdout.buffer.flush()
        return bool(received)
