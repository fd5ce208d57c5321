"""The baselines that sell one by one: `pgbench`, 16 prepared connections, on PostgreSQL alone.

- *plain*: the barest schema that could sell seats (`pgbench_seed.sql`, `pgbench_sale.sql`), 20,000 buses;
- *same*: the transaction that Omnibus commits (`plain_sale.sql`), on a fleet like Omnibus's own, as the application's
  role. It is spared what Omnibus does besides: its row scope is set once a session, ids and answers are constants or
  computed in place, nobody parses a request, nobody is told.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from store.queries import Queries
from tests.bench.fleet import PAIRS, Fleet
from tests.bench.report import Round
from tests.bench.rig import Rig

CLIENTS = 16
_HERE = Path(__file__).parent
_SAME = Queries(_HERE / "plain_sale.sql")
_ANSWER_BYTES = (
    900  # as Omnibus's answer to this booking has, give or take the length of names and numbers
)
_NAME = re.compile(r"(?<!:):([a-z]+)")
SESSION = {
    "role": "omnibus_app",
    "plan_cache_mode": "force_generic_plan",
    "lock_timeout": "1s",
    "jit": "off",
}
# Every client walks through the sales that are its own; `permute` scatters them over all buses and seats.
_WALK = r"""
\set sale :base + :n * {clients} + :client_id
\set n :n + 1
\set place permute(:sale, {places}, 7)
\set bus {first} + :place / {pairs}
\set first 1 + 2 * (:place % {pairs})
\set second :first + 1
\set booking :sale + 1
\set user :client_id + 1
"""


@dataclass(slots=True)
class Pgbench:
    """One baseline, ready to be run round by round."""

    rig: Rig
    url: str
    script: Path
    session: Mapping[str, str]
    sales_each: int
    """How far apart the sales of two rounds start; 0 where a seat may be sold again."""
    rounds: int = 0

    async def run(self, seconds: float) -> Round:
        before = self.rig.read_cpu()
        process = await asyncio.create_subprocess_exec(
            self.rig.pgbench,
            *("-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-D", "n=0"),
            *("-D", f"base={self.rounds * self.sales_each}"),
            *("-T", str(max(1, round(seconds))), "-f", self.script, self.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PGOPTIONS": _options(self.session)},  # noqa: TID251 - handed on
        )
        said, _ = await process.communicate()
        cpu = self.rig.read_cpu() - before
        text = said.decode()
        rate, done = (
            re.search(pattern, text)
            for pattern in (r"tps = ([\d.]+)", r"actually processed: (\d+)")
        )
        if rate is None or done is None or "aborted" in text:
            raise RuntimeError(f"pgbench said: {text}")
        self.rounds += 1
        return {"per second": float(rate[1]), **cpu.each(int(done[1]))}


@asynccontextmanager
async def plain(rig: Rig) -> AsyncIterator[Pgbench]:
    """Lend the barest baseline on a database of its own."""
    async with rig.databases.fresh(is_migrated=False) as url:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute((_HERE / "pgbench_seed.sql").read_text())
            await connection.execute("VACUUM (ANALYZE)")
        finally:
            await connection.close()
        yield Pgbench(rig, url, _HERE / "pgbench_sale.sql", {}, 0)


@asynccontextmanager
async def same(rig: Rig, fleet: Fleet, *, rounds: int) -> AsyncIterator[Pgbench]:
    """Lend the baseline that commits what Omnibus commits; the fleet must last for `rounds`."""
    places = fleet.buses * PAIRS
    walk = _WALK.format(clients=CLIENTS, places=places, first=fleet.first, pairs=PAIRS)
    constants = {
        "operator": str(fleet.operator_id),
        "price": "2000",
        "now": "clock_timestamp()",
        "expires": "clock_timestamp() + interval '1 hour'",
        "key": "md5(CAST(:booking AS bigint)::text)::uuid",
        "request": "md5(CAST(:booking AS bigint)::text)::uuid",
        "ref": "lpad(translate(CAST(:booking AS bigint)::text, '01', 'AB'), 6, 'Z')",
        "response": f"'{'x' * _ANSWER_BYTES}'",
        "shown": """'[["1A","L"],["1B","L"]]'""",
    }
    statements = ["BEGIN;", fill("lock", constants), fill("write", constants), "COMMIT;"]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(walk + "\n".join(statements) + "\n")
        script.flush()
        session = {**SESSION, "omnibus.operators": f"{{{fleet.operator_id}}}"}
        yield Pgbench(rig, fleet.url, Path(script.name), session, places // rounds)


def fill(name: str, values: Mapping[str, str]) -> str:
    """Return a statement of `plain_sale.sql` with these names replaced."""
    return _NAME.sub(lambda found: values.get(found[1], found[0]), _SAME[name])


def numbered(name: str) -> tuple[str, Sequence[str]]:
    """Return a statement of `plain_sale.sql` with `$1` for its first name and so on, and the names in that order."""
    names = list(dict.fromkeys(_NAME.findall(_SAME[name])))
    return fill(name, {each: f"${place}" for place, each in enumerate(names, start=1)}), names


def _options(session: Mapping[str, str]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in session.items())
