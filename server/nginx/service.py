"""nginx as a service: the one that is installed, on a folder of its own, as whoever may not do anything else."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from server.embedded.children import Launch, Service, StopStep, last_lines
from server.embedded.cluster import CLEAN_ENV
from server.embedded.errors import StartError
from server.embedded.privileges import Identity
from server.nginx.configuration import STATE, Configuration

_FILE = "nginx.conf"
# Debian keeps it where only root's PATH leads, and Homebrew where only a login shell's does.
_PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin"


class NginxMissing(StartError):
    def __str__(self) -> str:
        return (
            "no nginx on this machine, and several API processes need it in front of them. Install it "
            "(Debian, Ubuntu: apt-get install nginx-light; macOS: brew install nginx), "
            "or let `omnibus up` run, which needs none."
        )


def find_nginx() -> Path:
    """Return nginx's program; raise NginxMissing."""
    found = shutil.which("nginx") or shutil.which("nginx", path=_PLACES)
    if found is None:
        raise NginxMissing
    return Path(found)


class NginxServer(Service):
    """`folder` is nginx's own, in which nothing may lie yet but static files; `check` tells whether it answers."""

    name = "nginx"
    ready_seconds = 30.0
    stop_steps = (StopStep(signal.SIGTERM, 1.0),)

    def __init__(
        self,
        folder: Path,
        configuration: Configuration,
        *,
        check: Callable[[], bool],
        identity: Identity | None = None,
    ) -> None:
        """Write down the configuration; raises NginxMissing."""
        self._program = find_nginx()
        self._folder = folder
        self._check = check
        self._identity = identity
        folder.chmod(0o755)  # whoever nginx runs as reads from here
        (folder / _FILE).write_text(configuration.render(), encoding="utf-8")
        # No more than this is another user's, who could lead us elsewhere with a link.
        (folder / STATE).mkdir(mode=0o700)
        if identity is not None:
            os.chown(folder / STATE, identity.uid, identity.gid)

    def prepare(self) -> Launch:
        folder = self._folder
        return Launch(
            argv=(
                *(str(self._program), "-p", str(folder), "-c", str(folder / _FILE)),
                *("-e", str(folder / STATE / "error.log")),
            ),
            env=CLEAN_ENV,
            folder=folder,
            identity=self._identity,
            # Its own children do not die with it otherwise: a fast, but orderly end.
            death_signal=signal.SIGTERM,
        )

    def is_ready(self) -> bool:
        return self._check()

    def said(self) -> str:
        try:
            log = (self._folder / STATE / "error.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return last_lines(log)
