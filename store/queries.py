"""Loads the named queries of a `.sql` file: each block starts with `-- name: some_query`."""

import re
from pathlib import Path

_BUSES = re.compile(r"\$1(::bigint\[\])?")

_HEADER = re.compile(r"^-- name: ([a-z][a-z0-9_]*)$", re.MULTILINE)


class Queries:
    """The queries of one file as attributes; a query that is missing fails at import, not at run time."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        heads = list(_HEADER.finditer(text))
        ends = [*(head.start() for head in heads[1:]), len(text)]
        self._path = path
        self._texts = {
            head[1]: text[head.end() : end].strip() for head, end in zip(heads, ends, strict=True)
        }

    @classmethod
    def beside(cls, module_file: str) -> "Queries":
        """Load the `.sql` file of the same stem as the module that asks."""
        return cls(Path(module_file).with_suffix(".sql"))

    def __getitem__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            raise LookupError(f"{self._path.name} has no query named {name!r}") from None

    def names(self) -> list[str]:
        return list(self._texts)


def about_all(statement: str) -> str:
    """Return a statement about the buses $1 as one about all buses, without a parameter.

    Who asks it again and again on one connection has it planned once.
    """
    return _BUSES.sub("NULL::bigint[]", statement)
