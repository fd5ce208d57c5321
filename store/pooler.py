"""A pooler between us and PostgreSQL that lends a session for one transaction (PgBouncer's transaction mode).

`?pooler=transaction` at the end of a database's address says that there is one, `?pooler=prepared` that it also keeps
prepared statements apart (PgBouncer 1.21 and newer, with `max_prepared_statements`). Nothing of ours may then outlive a
transaction: role and limits are said at the beginning of each. That costs who has a pooler one more round trip for a
statement that was a transaction of its own, and nobody else anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

NAME = "pooler"
KINDS = ("transaction", "prepared")
# What PgBouncer itself keeps apart for each client; others of them it refuses at the start of a session.
_KEPT = ("application_name", "timezone")


@dataclass(frozen=True, slots=True)
class Address:
    """`dsn` is for the driver; `pooler` is one of KINDS, or empty."""

    dsn: str
    pooler: str = ""

    @classmethod
    def read(cls, url: str) -> "Address":
        """Take the word about the pooler off an address; raises ValueError for a kind that nobody knows."""
        parts = urlsplit(url)
        given = parse_qsl(parts.query, keep_blank_values=True)
        kinds = [value for name, value in given if name == NAME]
        if not kinds:
            return cls(url)
        if kinds[-1] not in KINDS:
            raise ValueError(f"`?{NAME}=` must be {' or '.join(KINDS)}, not `{kinds[-1]}`")
        rest = urlencode([pair for pair in given if pair[0] != NAME], safe="/")
        return cls(urlunsplit(parts._replace(query=rest)), kinds[-1])

    def startup(self, session: Mapping[str, str]) -> dict[str, str]:
        """Return what may be asked for at the start of a session."""
        return {name: value for name, value in session.items() if name in _KEPT or not self.pooler}

    def prelude(self, session: Mapping[str, str], role: str) -> str:
        """Return what each transaction begins with: nothing, where a session is ours for good."""
        if not self.pooler:
            return ""
        limits = ", ".join(
            f"set_config('{name}', '{value}', true)"
            for name, value in session.items()
            if name not in _KEPT
        )
        # allow sql-text: names and values are ours
        return f"SET LOCAL ROLE {role}; SELECT {limits}; "
