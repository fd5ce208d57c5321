"""Watchers that note when they are told: `python -m tests.bench.listeners PORT SOCKETS BUS...`.

Says `watching`, then reads until a line of JSON comes in: when each revision was committed, by `time.monotonic`, which
all processes of a machine share. Answers with percentiles in milliseconds and forgets what it has noted. With several
buses it is deaf: it watches all of them and reads nothing, with next to no room for what it does not read.
"""

import json
import re
import selectors
import socket
import sys
import time
from array import array
from collections.abc import Sequence

from tests.bench.load import percentile

_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_DELTA = re.compile(rb'"type":"delta"[^[]*"rev":(\d+)')
_SMALL_BYTES = 4096
_CHUNK_BYTES = 65_536


def main(port: int, count: int, buses: Sequence[str]) -> None:
    is_deaf = len(buses) > 1
    sockets = [_open(port, buses, is_deaf=is_deaf) for _ in range(count)]
    selector = selectors.DefaultSelector()
    for each in () if is_deaf else sockets:
        selector.register(each, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("watching", flush=True)
    while _listen(selector):
        pass


def _listen(selector: selectors.BaseSelector) -> bool:
    """Note what comes until somebody asks; False when nobody will any more."""
    revs, times = array("q"), array("d")
    while True:
        for key, _ in selector.select():
            if not isinstance(key.fileobj, socket.socket):
                line = sys.stdin.readline()
                if line:
                    print(json.dumps(_judge(json.loads(line), revs, times)), flush=True)
                return bool(line)
            data = key.fileobj.recv(_CHUNK_BYTES)
            now = time.monotonic()
            if not data:
                raise ConnectionError("the server has hung up")
            for rev in _DELTA.findall(data):
                revs.append(int(rev))
                times.append(now)


def _judge(
    committed: dict[str, float], revs: Sequence[int], times: Sequence[float]
) -> dict[str, float]:
    """Several revisions may come as one: it counts from the commit of the last."""
    waits = [
        (told - committed[str(rev)]) * 1e3
        for rev, told in zip(revs, times, strict=True)
        if str(rev) in committed
    ]
    return {
        "told": len(waits),
        "p50 ms": percentile(waits, 0.5),
        "p99 ms": percentile(waits, 0.99),
    }


def _open(port: int, buses: Sequence[str], *, is_deaf: bool) -> socket.socket:
    opened = socket.socket()
    if is_deaf:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BYTES)
    opened.connect(("127.0.0.1", port))
    opened.sendall(_HANDSHAKE)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += opened.recv(_SMALL_BYTES)
    for bus in buses:
        subscribe = b'{"type":"subscribe","id":1,"bus":"%b"}' % bus.encode()
        opened.sendall(bytes((0x81, 0x80 | len(subscribe))) + b"\0\0\0\0" + subscribe)
    return opened


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
