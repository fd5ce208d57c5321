"""Many watchers in one cheap process: `python -m tests.bench.crowd PORT SOCKETS BUS` reads until it is ended."""

import resource
import selectors
import socket
import sys

_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: seatmap.v1\r\n\r\n"
)


def main(port: int, count: int, bus: str) -> None:
    """Open the sockets, subscribe each, say so, and read what comes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    subscribe = b'{"type":"subscribe","id":1,"bus":"%s"}' % bus.encode()
    masked_with_zeros = bytes((0x81, 0x80 | len(subscribe))) + b"\0\0\0\0" + subscribe
    selector = selectors.DefaultSelector()
    for _ in range(count):
        watcher = socket.create_connection(("127.0.0.1", port))
        watcher.sendall(_HANDSHAKE)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += watcher.recv(4096)
        watcher.sendall(masked_with_zeros)
        selector.register(watcher, selectors.EVENT_READ)
    print("watching", flush=True)
    while selector.get_map():
        for key, _ in selector.select():
            assert isinstance(key.fileobj, socket.socket)
            if not key.fileobj.recv(65536):
                selector.unregister(key.fileobj)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
