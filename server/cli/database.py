"""Which database a command works on."""

import sys

from server.config import load


def database_url(command: str) -> str:
    """Return the database that the settings name; without one, exit with what to do about it."""
    url = load().database_url
    if url is None:
        sys.exit(
            f"omnibus: {command} needs a database: set OMNIBUS_DATABASE_URL"
            " (postgresql://user@host/name)"
        )
    return url
