"""`doctor`: whether this machine and these settings will do, and what to do if not."""

import asyncio
import json
import logging
from dataclasses import asdict
from typing import Annotated

import typer

from server.config import SETTINGS, ConfigError, Settings, load


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check settings, databases, clock and limits; change nothing.

    One line each: ok, warn or FAIL, and what to do about it. Exit code 1 when something fails.
    """
    from server.cli.checks import Check, Verdict, look  # noqa: PLC0415 - heavy imports only when needed
    from server.cli.payment_checks import look_at_providers  # noqa: PLC0415 - the same
    from server.cli.replica_checks import look_at_replicas  # noqa: PLC0415 - the same

    logging.disable()  # what goes wrong is told as a verdict
    try:
        settings = load()
    except ConfigError as error:
        faults = "; ".join(line.strip() for line in str(error).splitlines()[1:])
        found = [Check("settings", Verdict.FAIL, faults, "see docs/settings.md")]
    else:
        found = [
            Check("settings", Verdict.OK, _told(settings)),
            *asyncio.run(look(settings)),
            *asyncio.run(look_at_replicas(settings)),
            *asyncio.run(look_at_providers(settings)),
        ]
    is_fit = not any(check.verdict is Verdict.FAIL for check in found)
    if as_json:
        print(json.dumps({"is_fit": is_fit, "checks": [asdict(check) for check in found]}))
    else:
        for check in found:
            line = f"{check.verdict:4}  {check.name:11}  {check.detail}"
            print(f"{line}. To do: {check.advice}" if check.advice else line)
    raise typer.Exit(0 if is_fit else 1)


def _told(settings: Settings) -> str:
    changed = [
        setting.variable
        for setting in SETTINGS
        if getattr(settings, setting.name) != getattr(Settings(), setting.name)
    ]
    return f"changed: {', '.join(changed)}" if changed else "all at their defaults"
