"""`omnibus`: one command a file, put together here."""

import atexit
import gc
import sys

import typer

from server.cli import (
    audit,
    cluster,
    demo,
    device,
    doctor,
    imports,
    keys,
    outbox,
    partitions,
    processes,
    region,
    schema,
    simulate,
    static,
    up,
    user,
    watch,
    webhooks,
)
from server.config import ConfigError

_GARBAGE_THRESHOLD = 100_000

app = typer.Typer(
    name="omnibus",
    help="Omnibus: real-time booking server for bus operators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
up.register(app)
cluster.register(app)
processes.register(app)
schema.register(app)
static.register(app)
imports.register(app)
demo.register(app)
user.register(app)
region.register(app)
outbox.register(app)
partitions.register(app)
keys.register(app)
audit.register(app)
device.register(app)
doctor.register(app)
watch.register(app)
simulate.register(app)
webhooks.register(app)


def main() -> None:
    """Run the command line; a fault of the user's is one message and exit code 1, never a stack trace."""
    # To look through a thousand modules for what can go takes longer than most commands: seldom, and not in the end.
    gc.set_threshold(_GARBAGE_THRESHOLD)
    atexit.register(gc.freeze)
    try:
        app(prog_name="omnibus")
    except ConfigError as error:
        sys.exit(f"omnibus: {error}")
