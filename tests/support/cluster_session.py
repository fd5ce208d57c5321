"""A test's own session on a cluster: Citus does no sums with times while it changes rows, so a function does them."""

import re
from typing import Any

from store.citus.forms import CitusConnection

SUMS = """
CREATE FUNCTION moved(timestamptz, interval) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE
AS 'BEGIN RETURN $1 + $2; END';
SELECT create_distributed_function('moved(timestamptz, interval)')
"""
"""Called immutable, which it is where every server has one time zone: what is immutable may be given columns."""

_SUM = re.compile(r"\b([a-z_]+) ([-+]) (interval '[^']+'|\$[0-9]+::interval)")


class ClusterSession(CitusConnection):
    """Says edits of times in the one form that the workers take."""

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        return await super().execute(_edit(query), *args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        return await super().fetch(_edit(query), *args, **options)


def _edit(statement: str) -> str:
    if not statement.startswith("UPDATE "):
        return statement
    # The edit's own beginning is as late as any moment that a test has seen.
    timed = statement.replace("clock_timestamp()", "statement_timestamp()")
    # There is no interval with a plus before it.
    return _SUM.sub(lambda found: f"moved({found[1]}, {found[2].strip('+')}{found[3]})", timed)
