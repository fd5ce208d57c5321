"""Rules of ours that no linter has: what makes SQL unsafe, trusts a request's own word, or asks the wrong clock.

`python -m tests.house.rules` shows every place. A line that may is marked with its rule and a reason, there or on the
line before: `# allow sql-text: the name of one of our roles`. Why not semgrep: docs/adr/0013-rules-without-semgrep.md.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ALLOWED = re.compile(r"# allow (?P<rule>[a-z-]+): \S+")
_STATEMENTS = frozenset(
    {"execute", "executemany", "fetch", "fetchrow", "fetchval", "fetchmany", "prepare", "cursor"}
)
_CLOCKS = frozenset({"now", "utcnow", "today", "time", "time_ns"})
_CLOCKS_OF = frozenset({"datetime", "date", "dt", "time"})
_SECRET = re.compile(
    r"(^|_)(signature|digest|mac|hmac|seal|token|secret|password|access_key|api_key|otp)(_|$)"
)
_REQUEST_ADDRESSES = frozenset({"url", "base_url"})

Check = Callable[[ast.AST], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a piece of syntax must not be, in these folders, and what to do instead."""

    folders: tuple[str, ...]
    is_broken: Check
    instead: str


@dataclass(frozen=True, slots=True)
class Fault:
    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.rule}: {RULES[self.rule].instead}"


def _makes_sql(node: ast.AST) -> bool:
    """A statement put together from pieces: an f-string, +, % or format."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return False
    if node.func.attr not in _STATEMENTS:
        return False
    query = node.args[0]
    if isinstance(query, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in query.values)
    if isinstance(query, ast.BinOp):
        return isinstance(query.op, ast.Add | ast.Mod)
    return (
        isinstance(query, ast.Call)
        and isinstance(query.func, ast.Attribute)
        and query.func.attr in {"format", "format_map", "join"}
    )


def _trusts_address(node: ast.AST) -> bool:
    """`request.url` is made of the Host header: whoever decides by it decides by what the client wrote."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr in _REQUEST_ADDRESSES
        and isinstance(node.value, ast.Name)
        and node.value.id in {"request", "websocket"}
    )


def _asks_own_clock(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _CLOCKS
        and isinstance(node.func.value, ast.Name | ast.Attribute)
        and _last_name(node.func.value) in _CLOCKS_OF
    )


def _waits_for_others(node: ast.AST) -> bool:
    """In a transaction, something is awaited that the connection is no part of."""
    if not isinstance(node, ast.AsyncWith) or not any(map(_begins, node.items)):
        return False
    return any(
        isinstance(each, ast.Await) and not _concerns_connection(each.value)
        for statement in node.body
        for each in ast.walk(statement)
    )


def _begins(item: ast.withitem) -> bool:
    call = item.context_expr
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "transaction"
    )


def _concerns_connection(call: ast.expr) -> bool:
    return any(
        isinstance(each, ast.Name | ast.Attribute)
        and _last_name(each) in {"connection", "session", "owner"}
        for each in ast.walk(call)
    )


def _compares_secret(node: ast.AST) -> bool:
    """`==` stops at the first letter that differs, and tells by its time which that was."""
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return False
    sides = (node.left, node.comparators[0])
    if any(isinstance(side, ast.Constant) for side in sides):
        return False
    return any(_SECRET.search(_last_name(side).lower()) for side in sides)


def _decodes_anything(node: ast.AST) -> bool:
    """A token says itself how it is signed: whoever does not say which algorithm, believes it."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "decode"
        and _last_name(node.func.value) in {"jwt", "jws", "jwe"}
        and not {keyword.arg for keyword in node.keywords} & {"registry", "algorithms"}
    )


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


_ALL = ("server", "realtime", "store")
RULES: Mapping[str, Rule] = {
    "sql-text": Rule(_ALL, _makes_sql, "pass values as arguments"),
    "request-url": Rule(("server",), _trusts_address, "ask the scope or the route"),
    "own-clock": Rule(
        ("store", "server/api"), _asks_own_clock, "PostgreSQL decides what time it is"
    ),
    "foreign-await": Rule(
        _ALL, _waits_for_others, "nothing is awaited in a transaction but PostgreSQL"
    ),
    "compared-secret": Rule(_ALL, _compares_secret, "use hmac.compare_digest"),
    "any-algorithm": Rule(_ALL, _decodes_anything, "say the registry or the algorithms"),
}


def find_faults(root: Path = ROOT) -> Iterator[Fault]:
    """Yield what breaks a rule, and marks that allow what does not happen."""
    for path in sorted({path for folder in _ALL for path in (root / folder).rglob("*.py")}):
        name = path.relative_to(root).as_posix()
        yield from faults_in(name, path.read_text(encoding="utf-8"))


def faults_in(name: str, text: str) -> Iterator[Fault]:
    """Yield what breaks a rule in one file."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        for rule, what in RULES.items():
            if not name.startswith(tuple(f"{folder}/" for folder in what.folders)):
                continue
            if what.is_broken(node) and not _is_allowed(node, rule, lines):
                yield Fault(name, getattr(node, "lineno", 0), rule)


def _is_allowed(node: ast.AST, rule: str, lines: list[str]) -> bool:
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
    marks = (_ALLOWED.search(line) for line in lines[max(0, first - 2) : last])
    return any(mark is not None and mark["rule"] == rule for mark in marks)


def main() -> int:
    faults = sorted(map(str, find_faults()))
    print("\n".join(faults) or "no rule is broken")  # noqa: T201 - what the person at the terminal reads
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
