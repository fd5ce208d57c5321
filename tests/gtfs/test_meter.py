"""How far an import is: a bar for people, lines for logs."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.gtfs.commands import ROOT, omnibus
from tests.gtfs.feeds import write_feed

ARGUMENTS = ("--operator", "N", "--from", "2030-06-03", "--days", "7")


def _read_all(terminal: int) -> str:
    said = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux: the last one at the other end has gone
            part = b""
        if not part:
            return said.decode()
        said += part


def _import_on_a_terminal(url: str, feed: Path) -> tuple[int, str]:
    terminal, inside = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "server", "import", "gtfs", str(feed), *ARGUMENTS],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TERM": "xterm", "OMNIBUS_DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=inside,
    ) as process:
        os.close(inside)
        said = _read_all(terminal)
    os.close(terminal)
    return process.returncode, said


async def test_on_a_terminal_a_bar_moves(database_url: str, tmp_path: Path) -> None:
    code, said = _import_on_a_terminal(database_url, write_feed(tmp_path))
    assert code == 0
    assert "━" in said
    assert "100%" in said


async def test_elsewhere_every_step_is_a_line(database_url: str, tmp_path: Path) -> None:
    ran = omnibus(database_url, "import", "gtfs", write_feed(tmp_path), *ARGUMENTS)
    assert ran.err.splitlines() == [
        "reading the feed ...",
        "comparing with what is there ...",
        "putting buses on sale ...",
        "committing ...",
        "updating statistics ...",
    ]
