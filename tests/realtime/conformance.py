"""Bytes that no WebSocket library would send, by name, and the close code that each is owed (RFC 6455)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
LARGEST_BYTES = 4096
SUBSCRIBE = b'{"type":"subscribe","id":1,"bus":"1"}'
ACK = b'{"type":"ack","revs":{}}'
MASK = b"\x37\xfa\x21\x3d"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    wire: bytes
    code: int
    """What the server's close frame says; 1005 for one without a body."""
    answers: tuple[str, ...] | None = ()
    """Before it: `pong ...` with the payload, else the type of the message; None for whatever comes."""
    then: bytes = b""
    """What is sent when all answers have come."""


def frame(
    payload: bytes = b"",
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length_bytes: int | None = None,
) -> bytes:
    """Return a frame as a client sends it, or as none does; `length_bytes` of 2 and 8 spell the length longer."""
    size = len(payload)
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    first = {0: size, 2: 126, 8: 127}[length_bytes]
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | first])
    head += size.to_bytes(length_bytes) if length_bytes else b""
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))


def goodbye(code: int, reason: bytes = b"") -> bytes:
    return frame(code.to_bytes(2) + reason, CLOSE)


def _framing() -> Iterator[Case]:
    for name, opcode in (("text", TEXT), ("ping", PING), ("pong", PONG), ("close", CLOSE)):
        yield Case(f"an unmasked {name}", frame(b"", opcode, masked=False), 1002)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield Case(f"reserved opcode {opcode}", frame(b"", opcode), 1002)
    for rsv in (1, 2, 4, 7):
        yield Case(f"reserved bits {rsv:03b} of a text", frame(SUBSCRIBE, rsv=rsv), 1002)
    yield Case("a reserved bit of a ping", frame(b"", PING, rsv=1), 1002)
    yield Case(
        "a reserved bit of a continuation",
        frame(b"", fin=False) + frame(b"", CONTINUATION, rsv=2),
        1002,
    )
    for name, opcode in (("ping", PING), ("pong", PONG), ("close", CLOSE)):
        yield Case(f"a {name} of 126 bytes", frame(b"\x03\xe8" * 63, opcode), 1002)
        yield Case(f"a {name} in pieces", frame(b"\x03\xe8", opcode, fin=False), 1002)
    yield Case(
        "a ping of 125 bytes", frame(b"p" * 125, PING) + frame(), 4000, ("pong " + "p" * 125,)
    )


def _fragments() -> Iterator[Case]:
    yield Case("a continuation of nothing", frame(b"x", CONTINUATION), 1002)
    yield Case(
        "the first piece of a continuation of nothing", frame(b"x", CONTINUATION, fin=False), 1002
    )
    begun = frame(SUBSCRIBE[:9], fin=False)
    yield Case("a text within a text", begun + frame(SUBSCRIBE), 1002)
    yield Case("a binary within a text", begun + frame(b"x", BINARY), 1002)
    yield Case(
        "a continuation after the last", begun + 2 * frame(SUBSCRIBE[9:], CONTINUATION), 1002
    )
    pieces = begun + b"".join(
        frame(SUBSCRIBE[i : i + 1], CONTINUATION, fin=False) for i in range(9, len(SUBSCRIBE))
    )
    yield Case(
        "a text byte by byte, around a ping and a pong",
        pieces + frame(b"?", PING) + frame(b"!", PONG) + frame(b"", CONTINUATION),
        1000,
        ("pong ?", "subscribed"),
        goodbye(1000),
    )
    # Whoever leaves in the middle of a sentence has broken it off: the library says so.
    yield Case("a goodbye within a text", begun + goodbye(1000), 1002)
    yield Case(
        "empty pieces without end",
        frame(fin=False) + 99 * frame(b"", CONTINUATION, fin=False),
        1009,
    )


def _sizes() -> Iterator[Case]:
    largest = ACK.ljust(LARGEST_BYTES)
    end = goodbye(1000)
    yield Case("the largest message", frame(largest) + end, 1000)
    yield Case("the largest message in two", _in_two(largest, 1000) + end, 1000)
    yield Case("one byte more", frame(largest + b" "), 1009)
    yield Case("one byte more in two", _in_two(largest + b" ", 4000), 1009)
    yield Case("one byte more, binary", frame(largest + b" ", BINARY), 1009)
    yield Case("65,535 bytes", frame(b" " * 65535), 1009)
    yield Case("65,536 bytes, in the longest spelling", frame(b" " * 65536), 1009)
    for exponent in (40, 62, 63):
        announced = (2**exponent).to_bytes(8)
        yield Case(f"2^{exponent} bytes, as announced", b"\x81\xff" + announced + MASK, 1009)
    # RFC 6455 asks for the shortest spelling of a length. The library reads the others, which say the same.
    for length_bytes in (2, 8):
        wire = frame(SUBSCRIBE, length_bytes=length_bytes)
        yield Case(f"a short length in {length_bytes} bytes", wire, 1000, ("subscribed",), end)


def _texts() -> Iterator[Case]:
    bad = {
        "bytes of no character": b"\xff\xfe",
        "a lone continuation byte": b"a\x80",
        "an overlong nul": b"\xc0\x80",
        "an overlong slash": b"\xe0\x80\xaf",
        "half a surrogate pair": b"\xed\xa0\x80",
        "a character beyond the last": b"\xf4\x90\x80\x80",
        "a character cut off": b"\xe2\x82",
    }
    for name, text in bad.items():
        yield Case(f"{name}", frame(text), 1007)
        yield Case(f"{name}, in two", _in_two(text, 1), 1007)
    whole = '{"type":"subscribe","id":1,"bus":"€"}'.encode()
    middle = whole.index("€".encode()) + 1
    yield Case("a character in two", _in_two(whole, middle), 1000, ("error",), goodbye(1000))
    yield Case("bad bytes in a binary", frame(b"\xff", BINARY), 4000)


def _goodbyes() -> Iterator[Case]:
    for code in (1000, 1001, 1003, 1007, 1008, 1010, 1011, 1012, 1014, 3000, 3999, 4000, 4999):
        yield Case(f"goodbye {code}", goodbye(code), code)
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535):
        yield Case(f"goodbye {code}, which nobody may say", goodbye(code), 1002)
    yield Case("goodbye without a code", frame(b"", CLOSE), 1005)
    yield Case("goodbye with half a code", frame(b"\x03", CLOSE), 1002)
    yield Case("goodbye with the longest reason", goodbye(1000, b"r" * 123), 1000)
    yield Case("goodbye with a reason that is no text", goodbye(1000, b"\xff"), 1007)
    yield Case("goodbye with a reason that is cut off", goodbye(1000, b"\xe2\x82"), 1007)
    yield Case("words after a goodbye", goodbye(1000) + frame(SUBSCRIBE) + frame(b"?", PING), 1000)
    yield Case("two goodbyes", goodbye(1000) + goodbye(1001), 1000)
    yield Case("a goodbye after an answer", frame(SUBSCRIBE), 1000, ("subscribed",), goodbye(1000))
    # Whoever leaves wants no more answers.
    yield Case("a goodbye with a question", frame(SUBSCRIBE) + goodbye(1000), 1000, None)


def _floods() -> Iterator[Case]:
    yield Case("a flood of pings", 50 * frame(b"", PING), 4102, None)
    yield Case("a flood of pongs", 50 * frame(b"", PONG), 4102)
    yield Case("a flood of messages", 30 * frame(ACK), 4102)
    yield Case("a message of nothing", frame(), 4000)
    yield Case("a binary of nothing", frame(b"", BINARY), 4000)
    yield Case("a booking", frame(b'{"type":"book","id":1,"bus":"1","seats":["1A"]}'), 4000)


def _in_two(payload: bytes, at: int) -> bytes:
    return frame(payload[:at], fin=False) + frame(payload[at:], CONTINUATION)


CASES = tuple(chain(_framing(), _fragments(), _sizes(), _texts(), _goodbyes(), _floods()))

_KEY = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
_VERSION = b"Sec-WebSocket-Version: 13"
_UPGRADE = b"Upgrade: websocket"
_CONNECTION = b"Connection: Upgrade"
_USUAL = (_UPGRADE, _CONNECTION, _KEY, _VERSION)


def handshake(
    *lines: bytes, target: bytes = b"GET /ws", usual: tuple[bytes, ...] = _USUAL
) -> bytes:
    """Return a handshake with these header lines besides the usual ones."""
    head = (target + b" HTTP/1.1", b"Host: omnibus.test", *usual, *lines)
    return b"\r\n".join((*head, b"", b""))


def _without(line: bytes, *others: bytes) -> bytes:
    return handshake(*others, usual=tuple(each for each in _USUAL if each != line))


HANDSHAKES: dict[str, tuple[bytes, int]] = {
    "a usual one": (handshake(), 101),
    "header names in any case": (handshake().replace(b"Upgrade: w", b"uPGRADE: W"), 101),
    "no key": (_without(_KEY), 400),
    "a short key": (_without(_KEY, b"Sec-WebSocket-Key: AAAA"), 400),
    "a key that is no base64": (
        _without(_KEY, b"Sec-WebSocket-Key: ????????????????????????"),
        400,
    ),
    "two keys": (handshake(_KEY), 400),
    "no version": (_without(_VERSION), 400),
    "version 8": (_without(_VERSION, b"Sec-WebSocket-Version: 8"), 400),
    "a version that is no number": (_without(_VERSION, b"Sec-WebSocket-Version: x"), 400),
    "a POST": (handshake(b"Content-Length: 0", target=b"POST /ws"), 405),
    "no upgrade": (_without(_UPGRADE), 404),
    "an upgrade to something else": (_without(_UPGRADE, b"Upgrade: h2c"), 404),
    "a foreign origin": (handshake(b"Origin: https://evil.test"), 403),
    "no origin to speak of": (handshake(b"Origin: null"), 403),
    "two origins, one of them foreign": (
        handshake(b"Origin: http://omnibus.test", b"Origin: https://evil.test"),
        400,
    ),
    "our own origin": (handshake(b"Origin: http://omnibus.test"), 101),
    "a token in the address": (handshake(target=b"GET /ws?access_token=x"), 400),
    "a header of 64 KiB": (handshake(b"X-Long: " + b"x" * 64_000), 431),
    "hundreds of headers": (handshake(*(b"X-%d: x" % number for number in range(500))), 400),
    "an address of 16 KiB": (handshake(target=b"GET /ws?" + b"x" * 16_384), 414),
    "a header line that is none": (handshake(b"X-Nothing"), 400),
}
