"""`static`: what browsers load, as files for whoever serves them instead of us."""

import json
from pathlib import Path
from typing import Annotated

import typer

from server.assets import Assets
from server.edition import LIST, write_edition


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Write what browsers load, for a CDN.", no_args_is_help=True)
    group.callback()(_as_group)
    group.command()(build)
    app.add_typer(group, name="static")


def _as_group() -> None:
    # A group of one command would be that command.
    ...


def build(
    *,
    out: Annotated[Path, typer.Option("--out", help="The folder to write to.", file_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write all files under the paths that pages name, packed ones beside them, and a list (edition.json).

    Needs no database. Other editions in the folder stay.
    """
    edition = write_edition(Assets.read(), out)
    packed = sorted({name for file in edition.files.values() for name in file.encodings})
    if as_json:
        told = {"build": edition.build, "files": len(edition.files), "encodings": packed}
        print(json.dumps({**told, "list": str(out / LIST)}))
        return
    print(f"{len(edition.files)} files of edition {edition.build}: {out}{edition.prefix}")
    if "br" not in packed:
        print(
            'without brotli: pip install "omnibus[brotli]" and run it again for files an eighth smaller'
        )
