"""`omnibus`: one command a file, put together here."""

import sys

import typer

from server.cli import (
    audit,
    demo,
    device,
    doctor,
    imports,
    keys,
    outbox,
    processes,
    schema,
    up,
    user,
    watch,
)
from server.config import ConfigError

app = typer.Typer(
    name="omnibus",
    help="Omnibus: real-time booking server for bus operators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
up.register(app)
processes.register(app)
schema.register(app)
imports.register(app)
demo.register(app)
user.register(app)
outbox.register(app)
keys.register(app)
audit.register(app)
device.register(app)
doctor.register(app)
watch.register(app)


def main() -> None:
    """Run the command line; a fault of the user's is one message and exit code 1, never a stack trace."""
    try:
        app(prog_name="omnibus")
    except ConfigError as error:
        sys.exit(f"omnibus: {error}")
