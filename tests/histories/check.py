"""Judge the history in a folder, knowing nothing of the run that left it there.

`python -m tests.histories.check FOLDER` ends with 0 when the history is right, with 1 when it is wrong, and says why.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tests.histories.checker.bus import judge
from tests.histories.checker.history import History

_SHOWN = 20


def main(
    folder: Annotated[Path, typer.Argument(help="Where a run has left its history.")],
    *,
    json: Annotated[bool, typer.Option(help="Print counts and violations as JSON.")] = False,
) -> None:
    """Check a history: linearizability, keys, watchers, money, and the database at the end."""
    verdict = judge(History.load(folder))
    if json:
        wrong = [msgspec.to_builtins(violation) for violation in verdict.violations]
        typer.echo(msgspec.json.encode({"counts": verdict.counts, "violations": wrong}).decode())
    else:
        for name, count in sorted(verdict.counts.items()):
            typer.echo(f"{count:>9,} {name}")
        for violation in verdict.violations[:_SHOWN]:
            typer.echo(violation)
        more = len(verdict.violations) - _SHOWN
        if more > 0:
            typer.echo(f"... and {more} more")
        typer.echo("right" if verdict.is_right else f"wrong: {len(verdict.violations)} violations")
    raise typer.Exit(0 if verdict.is_right else 1)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
