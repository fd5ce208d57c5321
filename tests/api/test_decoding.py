"""Bodies that mean two things, found by whatever way is quick and compared with one that is not."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server import wire

ANYTHING = msgspec.json.Decoder()
SPACES = st.sampled_from(["", "", " ", "\n\t"])
TEXTS = st.text("ab:\"\\'{},é \N{BUS}", max_size=4)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-1, 1), TEXTS)


@st.composite
def quoted(draw: st.DrawFn, text: str) -> str:
    """Spell a string of JSON in one of many ways: any letter may be written as its number."""
    if draw(st.booleans()):
        return json.dumps(text, ensure_ascii=draw(st.booleans()))
    units = text.encode("utf-16-be").hex()
    return '"' + "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4)) + '"'


@st.composite
def documents(draw: st.DrawFn, depth: int = 3) -> str:
    kind = draw(st.sampled_from(["object", "object", "array", "scalar"] if depth else ["scalar"]))
    before, after = draw(SPACES), draw(SPACES)
    if kind == "scalar":
        value = draw(SCALARS)
        text = draw(quoted(value)) if isinstance(value, str) else json.dumps(value)
        return before + text + after
    parts = draw(st.lists(documents(depth - 1), max_size=4))
    if kind == "array":
        return f"{before}[{','.join(parts)}]{after}"
    keys = draw(st.lists(TEXTS, min_size=len(parts), max_size=len(parts)))
    pairs = (
        f"{draw(SPACES)}{draw(quoted(key))}{draw(SPACES)}:{part}"
        for key, part in zip(keys, parts, strict=True)
    )
    return f"{before}{{{','.join(pairs)}{draw(SPACES)}}}{after}"


def names_a_key_twice(text: str) -> bool:
    seen: list[bool] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen.append(len(dict(pairs)) < len(pairs))

    json.loads(text, object_pairs_hook=look)
    return any(seen)


@given(documents())
@example('{"a":1,"a":1}')
@example('{"a":1,"\\u0061":1}')
@example('{"a":1,"a":"\\u003a"}')
@example('{"a:":":","b":{"a:":":"}}')
@example('[{"a":{"b":1,"b" :1}}]')
@example('{"a":"\\":","b":"\\\\"}')
def test_a_body_is_read_unless_it_names_a_key_twice(text: str) -> None:
    raw = text.encode()
    if names_a_key_twice(text):
        with pytest.raises(wire.Malformed):
            wire.decode(raw, ANYTHING)
    else:
        assert wire.decode(raw, ANYTHING) == json.loads(text)
