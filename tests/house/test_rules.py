"""The house's rules see what they are there to see, and nothing else; the code keeps them."""

from pathlib import Path

import pytest

from tests.house.rules import RULES, faults_in, find_faults

BROKEN: dict[str, tuple[str, ...]] = {
    "sql-text": (
        'await connection.fetch(f"SELECT * FROM buses WHERE name = {name}")',
        'await connection.execute("DELETE FROM holds WHERE hold_id = " + hold_id)',
        'await connection.fetchval("SELECT %s" % column)',
        'await connection.fetchrow("SELECT {}".format(column))',
        'await connection.executemany(" ".join(parts), rows)',
    ),
    "request-url": (
        'if request.url.path.startswith("/admin"): pass',
        "origin = request.base_url",
        "where = websocket.url",
    ),
    "own-clock": (
        "now = datetime.now(UTC)",
        "now = dt.datetime.utcnow()",
        "today = date.today()",
        "now = time.time()",
        "now = datetime.datetime.now()",
    ),
    "foreign-await": (
        "async with connection.transaction():\n        await redis.publish(channel, line)",
        "async with connection.transaction():\n        await asyncio.sleep(1)",
        "async with pool.acquire() as c, c.transaction():\n        if a:\n            await mail.send(text)",
    ),
    "compared-secret": (
        "if given_signature == expected: pass",
        "is_right = digest != self.digest",
        "return booking.access_key == given",
        "if hmac(body) == headers.signature: pass",
    ),
    "any-algorithm": ("claims = jwt.decode(token, key)", "claims = joserfc.jwt.decode(token, key)"),
}
KEPT: dict[str, tuple[str, ...]] = {
    "sql-text": (
        'await connection.fetch("SELECT * FROM buses WHERE name = $1", name)',
        'await connection.fetch(SQL["find_bus"], bus_id)',
        'await connection.fetch(f"SELECT 1")',
        'log.info(f"SELECT {what}")',
    ),
    "request-url": ('if scope["path"].startswith("/admin"): pass', "self.url = url"),
    "own-clock": (
        "now = loop.time()",
        "started = time.perf_counter()",
        'at = await connection.fetchval("SELECT clock_timestamp()")',
        "soon = datetime.fromisoformat(text)",
    ),
    "foreign-await": (
        "async with connection.transaction():\n        await connection.execute(SQL, name)",
        "async with connection.transaction():\n        await write(connection, rows)",
        "async with connection.transaction():\n        pass\n    await redis.publish(channel, line)",
    ),
    "compared-secret": (
        "if hmac.compare_digest(given_signature, expected): pass",
        'if token_type == "Bearer": pass',
        "if tokens == count: pass",
        "if access_key is None: pass",
    ),
    "any-algorithm": (
        "claims = jwt.decode(token, keys, registry=registry)",
        'claims = jwt.decode(token, key, algorithms=["EdDSA"])',
        "text = raw.decode()",
    ),
}
_PLACES = {"request-url": "server/api/x.py"}


def broken_by(rule: str, line: str) -> set[str]:
    text = f"async def work():\n    {line}\n"
    return {fault.rule for fault in faults_in(_PLACES.get(rule, "store/x.py"), text)}


def test_every_rule_has_its_samples() -> None:
    assert BROKEN.keys() == KEPT.keys() == RULES.keys()


@pytest.mark.parametrize(
    ("rule", "line"), [(r, line) for r, those in BROKEN.items() for line in those]
)
def test_what_breaks_a_rule_is_seen(rule: str, line: str) -> None:
    assert rule in broken_by(rule, line)


@pytest.mark.parametrize(
    ("rule", "line"), [(r, line) for r, those in KEPT.items() for line in those]
)
def test_what_keeps_it_is_not(rule: str, line: str) -> None:
    assert broken_by(rule, line) == set()


def test_a_mark_with_a_reason_allows_one_rule_at_one_place() -> None:
    query = 'await connection.execute(f"SET ROLE {role}")'
    assert broken_by("sql-text", query + "  # allow sql-text: one of ours") == set()
    assert broken_by("sql-text", f"# allow sql-text: one of ours\n    {query}") == set()
    assert broken_by("sql-text", query + "  # allow sql-text:") == {"sql-text"}
    assert broken_by("sql-text", query + "  # allow own-clock: why not") == {"sql-text"}
    assert broken_by("sql-text", f"# allow sql-text: ours\n    x = 1\n    {query}") == {"sql-text"}


def test_rules_hold_where_they_are_meant_to() -> None:
    text = "now = datetime.now(UTC)\n"
    assert [fault.rule for fault in faults_in("store/x.py", text)] == ["own-clock"]
    assert list(faults_in("server/cli/x.py", text)) == []
    assert list(faults_in("tests/x.py", text)) == []


def test_the_code_keeps_the_rules() -> None:
    assert list(map(str, find_faults())) == []


def test_a_tree_with_a_fault_is_told_of_by_place(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "x.py").write_text("\nnow = time.time()\n")
    (told,) = map(str, find_faults(tmp_path))
    assert told.startswith("store/x.py:2 own-clock: ")
