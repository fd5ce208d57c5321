"""From a path to what serves it: one look-up for paths without parameters, one match for all others."""

import re
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_PARAMETER = re.compile(r"\{(\w+)\}")


class Found(NamedTuple, Generic[T]):
    target: T
    parameters: dict[str, str]


class Dispatch(Generic[T]):
    """What is served below a prefix. Paths are compared from the first to the last; `{name}` takes one step."""

    def __init__(self, prefix: str, targets: Mapping[str, T], *, otherwise: T) -> None:
        self._prefix = prefix + "/"
        self._fixed: dict[str, Found[T]] = {}
        self._otherwise: Found[T] = Found(otherwise, {})
        self._open: dict[int, tuple[T, tuple[str, ...]]] = {}
        patterns: list[str] = []
        groups = 0
        for path, target in targets.items():
            names = tuple(_PARAMETER.findall(path))
            if not names:
                self._fixed[prefix + path] = Found(target, {})
                continue
            # The last group to close is the one around the whole path: it tells which path it was.
            literals = _PARAMETER.split(prefix + path)[::2]
            patterns.append("(" + "([^/]+)".join(map(re.escape, literals)) + ")")
            self._open[groups + 1] = target, names
            groups += 1 + len(names)
        self._match = re.compile("|".join(patterns) or "(?!)").fullmatch

    def find(self, path: str) -> Found[T] | None:
        """Return what serves a path, and the values of its parameters; None for what is not below the prefix."""
        if (fixed := self._fixed.get(path)) is not None:
            return fixed
        if (match := self._match(path)) is not None:
            place = match.lastindex
            assert place is not None
            target, names = self._open[place]
            values = match.groups()[place : place + len(names)]
            return Found(target, dict(zip(names, values, strict=True)))
        return self._otherwise if path.startswith(self._prefix) else None
