"""Many watchers in one cheap process: `python -m tests.bench.crowd '{"port": ..., "sockets": ..., "buses": [...]}'`.

Raw sockets and one epoll, so that the server is measured and not its clients. Each watches one bus, acknowledges
heartbeats, and with `returns` comes back when its connection is lost, as pages do: after a random wait that doubles.
It says `live` whenever all of them have been answered, and `report` on its standard input brings what has come in
since the last one, with the CPU it took.
"""

import heapq
import json
import random
import re
import resource
import select
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: seatmap.v1\r\n"
)
_COMPRESSED = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
_DELTA = re.compile(rb'"type":"delta","bus":"(\d+)".*?"rev":(\d+),.*?"at":"([^"]+)"')
_OPENING_AT_ONCE = 128
_SOCKETS_PER_ADDRESS = 40  # all of 127.0.0.0/8 is this machine
_WAIT_SECONDS, _WAIT_SECONDS_MAX = 0.5, 4.0


@dataclass(slots=True)
class _Watcher:
    number: int
    connection: socket.socket | None = None
    is_live: bool = False
    is_upgraded: bool = False
    rest: bytes = b""
    failures: int = 0


@dataclass(slots=True)
class _Seen:
    """What has come in since the last report."""

    reads: int = 0
    received_bytes: int = 0
    last_rev: dict[int, int] = field(default_factory=dict)  # by watcher
    arrivals: list[tuple[str, float]] = field(default_factory=list)  # commit time as told, arrival
    lost: int = 0


class _Crowd:
    def __init__(self, plan: dict[str, Any]) -> None:
        self._port: int = plan["port"]
        self._buses: list[int] = plan["buses"]
        self._returns: bool = plan.get("returns", False)
        self._is_timing: bool = plan.get("is_timing", False)
        offers = _COMPRESSED if plan.get("is_compressed") else b""
        self._handshake = _HANDSHAKE + offers + b"\r\n"
        self._is_silent: bool = plan.get("is_silent", False)  # subscribes to nothing
        self._watchers = [_Watcher(number) for number in range(plan["sockets"])]
        self._by_file: dict[int, _Watcher] = {}
        self._due = [(0.0, watcher.number) for watcher in self._watchers]
        self._opening = 0
        self._live = 0
        self._was_all_live = False
        self._seen = _Seen()
        self._spent, self._reported_at = _cpu(), time.monotonic()
        self._poll = select.epoll()
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)

    def run(self) -> None:
        while True:
            self._open_due()
            timeout = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            if self._opening >= _OPENING_AT_ONCE:
                timeout = None
            for file, event in self._poll.poll(timeout, 256):
                if file == sys.stdin.fileno():
                    if not sys.stdin.readline():
                        return
                    self._report()
                    continue
                watcher = self._by_file[file]
                if watcher.connection is not None:
                    self._serve(watcher, event)

    def _open_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now and self._opening < _OPENING_AT_ONCE:
            _, number = heapq.heappop(self._due)
            watcher = self._watchers[number]
            opened = socket.socket()
            opened.setblocking(False)  # noqa: FBT003 - the standard library's signature
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place = 2 + number // _SOCKETS_PER_ADDRESS
            opened.bind((f"127.0.{place // 250}.{place % 250 + 1}", 0))
            opened.connect_ex(("127.0.0.1", self._port))
            watcher.connection, watcher.rest, watcher.is_upgraded = opened, b"", False
            self._opening += 1
            self._by_file[opened.fileno()] = watcher
            self._poll.register(opened.fileno(), select.EPOLLOUT)

    def _serve(self, watcher: _Watcher, event: int) -> None:
        assert watcher.connection is not None
        try:
            if event & select.EPOLLOUT:
                watcher.connection.sendall(self._handshake)
                self._poll.modify(watcher.connection.fileno(), select.EPOLLIN)
                return
            data = watcher.connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._lose(watcher)
        elif watcher.is_live:
            self._take(watcher, data)
        else:
            self._greet(watcher, watcher.connection, data)

    def _greet(self, watcher: _Watcher, connection: socket.socket, data: bytes) -> None:
        watcher.rest += data
        if not watcher.is_upgraded:
            if b"\r\n\r\n" not in watcher.rest:
                return
            if b" 101 " not in watcher.rest:
                self._lose(watcher)
                return
            watcher.is_upgraded = True
            if not self._is_silent:
                bus = self._buses[watcher.number % len(self._buses)]
                _say(connection, b'{"type":"subscribe","id":1,"bus":"%d"}' % bus)
        if self._is_silent or b'"type":"subscribed"' in watcher.rest:
            watcher.is_live, watcher.rest, watcher.failures = True, b"", 0
            self._opening -= 1
            self._live += 1
            if self._live == len(self._watchers):
                self._was_all_live = True
                _print({"live": time.monotonic()})

    def _take(self, watcher: _Watcher, data: bytes) -> None:
        seen = self._seen
        seen.reads += 1
        seen.received_bytes += len(data)
        if b'"type":"heartbeat"' in data:
            assert watcher.connection is not None
            _say(watcher.connection, b'{"type":"ack","revs":{}}')
        if self._is_timing:
            now = time.time()
            for found in _DELTA.finditer(data):
                seen.last_rev[watcher.number] = int(found[2])
                seen.arrivals.append((found[3].decode(), now))

    def _lose(self, watcher: _Watcher) -> None:
        assert watcher.connection is not None
        if watcher.is_live:
            self._live -= 1
            self._seen.lost += 1
        else:
            self._opening -= 1
        self._poll.unregister(watcher.connection.fileno())
        del self._by_file[watcher.connection.fileno()]
        watcher.connection.close()
        watcher.connection, watcher.is_live = None, False
        if self._was_all_live and not self._returns:
            return
        longest = min(_WAIT_SECONDS_MAX, _WAIT_SECONDS * 2**watcher.failures)
        watcher.failures += 1
        wait = random.uniform(0, longest)
        heapq.heappush(self._due, (time.monotonic() + wait, watcher.number))

    def _report(self) -> None:
        spent, now, seen = _cpu(), time.monotonic(), self._seen
        _print(
            {
                "cpu": spent - self._spent,
                "seconds": now - self._reported_at,
                "live": self._live,
                "lost": seen.lost,
                "reads": seen.reads,
                "received_bytes": seen.received_bytes,
                "last_revs": Counter(seen.last_rev.values()),
                "arrivals": seen.arrivals,
            }
        )
        self._seen, self._spent, self._reported_at = _Seen(), _cpu(), time.monotonic()


def _say(connection: socket.socket, text: bytes) -> None:
    # Masked with zeros: the same bytes, and a frame that the standard allows.
    connection.sendall(bytes((0x81, 0x80 | len(text))) + b"\0\0\0\0" + text)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _print(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _Crowd(json.loads(sys.argv[1])).run()
