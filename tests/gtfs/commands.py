"""Runs `omnibus` as a process of its own, as an operator would."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import forked

ROOT = Path(__file__).parents[2]
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "200"}
_WAIT_SECONDS = 100.0


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def start(url: str | None, *arguments: str | Path) -> "subprocess.Popen[str]":
    """Start the command through a shell that stays.

    Linux counts what the parent held before `exec` into a child's peak memory, and pytest holds a lot.
    """
    environment = dict(_ENVIRONMENT)
    if url is not None:
        environment["OMNIBUS_DATABASE_URL"] = url
    return subprocess.Popen(  # noqa: S603 - our own command
        [
            *("/bin/sh", "-c", '"$@"; exit $?', "sh"),
            *(sys.executable, "-m", "server", *map(str, arguments)),
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def omnibus(url: str | None, *arguments: str | Path, seconds: float = _WAIT_SECONDS) -> Ran:
    named = {} if url is None else {"OMNIBUS_DATABASE_URL": url}
    given = [*map(str, arguments)]
    return Ran(*forked.run(given, _ENVIRONMENT | named, stdin="", seconds=seconds))
