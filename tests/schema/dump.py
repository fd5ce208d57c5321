"""The schema in one file, for reading: `python -m tests.schema.dump --write` makes store/schema.sql anew.

The migrations are applied to an empty database and dumped by the pg_dump of the embedded PostgreSQL;
comments, settings and owners are left out, so that the same schema always gives the same text.
"""

import argparse
import asyncio
import re
import subprocess
import sys
from pathlib import Path

from server.embedded.binaries import find_postgres
from store.migrate import migrate
from tests.support.servers import ThrowawayPostgres

SCHEMA = Path(__file__).parents[2] / "store" / "schema.sql"
_HEADER = "-- What the migrations add up to. Made by `python -m tests.schema.dump --write`: do not edit.\n\n"
# The last is what PostgreSQL 15.20 keeps in the options of every column: another number each time.
_NOISE = re.compile(
    r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*"
    r"|ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver=\d+\);)$",
    re.MULTILINE,
)

# Whose name a partition takes over, and only since PostgreSQL 18 says.
_NAMED_NOT_NULL = re.compile(r" CONSTRAINT \w+_not_null(?= NOT NULL)")

# What takes one line each stands together.
_BETWEEN_LINES = re.compile(
    r"(?<=;)\n\n(?=GRANT |CREATE POLICY |ALTER TABLE .* ROW LEVEL SECURITY)"
)


def dump(dsn: str) -> str:
    """Return the schema of a database, normalised."""
    program = find_postgres().path / "pg_dump"
    arguments = (
        "--schema-only",
        "--no-owner",
        "--no-comments",
        "--exclude-table=schema_migrations",
    )
    output = subprocess.run(  # noqa: S603 - our own program
        [program, *arguments, f"--dbname={dsn}"], check=True, capture_output=True, text=True
    ).stdout
    text = re.sub(r"\n{3,}", "\n\n", _NAMED_NOT_NULL.sub("", _NOISE.sub("", output))).strip()
    return _HEADER + _BETWEEN_LINES.sub("\n", text) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {SCHEMA.name}, not stdout")
    is_to_write: bool = parser.parse_args().write
    with ThrowawayPostgres() as server:
        asyncio.run(migrate(server.url))
        text = dump(server.url)
    if is_to_write:
        SCHEMA.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
