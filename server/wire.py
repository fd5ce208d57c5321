"""JSON at the edge: decoded strictly and once, faults told with a JSON pointer."""

import re
from typing import Any

import msgspec

BODY_BYTES_MAX = 65_536
# Every string of a valid document in order, and whether a colon follows: those are the keys.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?')
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)
# Of what it was given, msgspec repeats this.
_REPEATED = re.compile(r"(?<=^Invalid enum value) .*", re.DOTALL)
_FIELD = re.compile(r"(?:unknown|required) field `([^`]+)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")

encode = msgspec.json.Encoder().encode
_decode_anything = msgspec.json.Decoder().decode


class Malformed(Exception):
    """Not JSON at all, or JSON that means two things."""


class Invalid(Exception):
    """JSON of the wrong shape: what is wrong, and where."""

    def __init__(self, pointer: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.code = code
        self.detail = detail


def decode(raw: bytes, decoder: "msgspec.json.Decoder[Any]") -> Any:
    """Decode a request body; raise Malformed (also for a key that stands twice) or Invalid."""
    try:
        value = decoder.decode(raw)
        if _has_key_twice(raw):
            raise Malformed("an object has the same key twice")
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("the body is not valid JSON") from error
    return value


def invalid(error: msgspec.ValidationError) -> Invalid:
    """Turn msgspec's sentence into a pointer (RFC 6901), a code and a detail that repeats no input."""
    found = _PLACE.match(str(error))
    assert found is not None
    what = _REPEATED.sub("", found["what"])
    pointer = "".join(
        f"/{name or index}" for name, index in _STEP.findall((found["path"] or "")[1:])
    )
    if field := _FIELD.search(what):
        escaped = field[1].replace("~", "~0").replace("/", "~1")
        code = "unknown_field" if "unknown" in what else "required"
        detail = "no such field" if code == "unknown_field" else "this field is required"
        return Invalid(f"{pointer}/{escaped}"[:200], code, detail)
    return Invalid(pointer, "invalid", what[:200])


def _has_key_twice(raw: bytes) -> bool:
    """Return whether an object of a valid document names a key twice: the text has more keys than what it says.

    A colon follows a key or stands inside a string, and whatever is left after decoding stood in the text. So as long
    as no colon is hidden behind an escape and as many are written back as were read, no key was dropped; otherwise
    it is worth counting.
    """
    whole = _decode_anything(raw)
    if b"\\" not in raw and raw.count(b":") == encode(whole).count(b":"):
        return False
    return len([True for colon in _STRING.findall(raw) if colon]) != _count_keys(whole)


def _count_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_count_keys, value.values()))
    if isinstance(value, list):
        return sum(map(_count_keys, value))
    return 0


def format_json(document: Any) -> bytes:
    """Return a document for people and for diffs: indented, keys in the order given."""
    return msgspec.json.format(encode(document), indent=2) + b"\n"
