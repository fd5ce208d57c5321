"""Where mails go until there is a mail server: a file each, in a folder that only we can read."""

import asyncio
import os
import time
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

from server.mail.letters import as_bytes
from store.mails import Mail

KEPT_SECONDS = 30 * 24 * 3600


class FileSink:
    """Writes `.eml` files, whole or not at all; a mail that comes again replaces itself."""

    at_once = 4

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, mail: Mail, letter: EmailMessage) -> None:
        """Write a mail to its file and see it on the disk; raise OSError."""
        await asyncio.to_thread(self._write, mail, as_bytes(letter))

    async def rest(self) -> None:
        """Nothing is open between mails."""

    async def forget(self) -> None:
        """Remove what was written a month ago."""
        await asyncio.to_thread(self._remove_old)

    async def close(self) -> None:
        """The same."""

    def _write(self, mail: Mail, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{mail.created_at:%Y%m%dT%H%M%S.%fZ}-{mail.mail_id}.eml"
        half = path.with_name(f"{path.name}.part")
        with open(half, "wb", opener=_private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)

    def _remove_old(self) -> None:
        for path in self._folder.glob("*.eml"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                    path.unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
