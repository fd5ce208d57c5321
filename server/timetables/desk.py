"""Where uploaded timetables are handed on to clerks, each a process of its own.

Reading a feed takes the processor for seconds and memory as the feed has it. In a process apart neither keeps a buyer
waiting, and both can be bounded; what is cancelled or lost is rolled back by the database, whatever the clerk was at.
"""

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from realtime.supervise import cancel
from store.errors import Overloaded, StoreError
from store.imports import LOST, Imports, State

log = logging.getLogger("omnibus.imports")

PLACES = 8
"""In one process of the server, from the first byte of an upload to the end of its clerk."""
UPLOADS_OF_ONE = 2
"""By one operator at a time. Of its imports one runs; a clerk whose import is over has statistics to look after yet."""
LONGEST_SECONDS = 1800.0
_STOPPED: Mapping[str, Any] = {
    "code": "stopped",
    "detail": "the server was stopped; nothing was written",
}
_TOO_LONG: Mapping[str, Any] = {
    "code": "too_long",
    "detail": "it took more than half an hour; nothing was written",
}


class ImportDesk:
    """Starts clerks and sees each of them off: an import never stays without an end."""

    def __init__(self, database_url: str, imports: Imports) -> None:
        self._database_url = database_url
        self._imports = imports
        self._clerks: dict[int, asyncio.Task[None]] = {}
        self._uploads: Counter[int] = Counter()

    def take_place(self, operator_id: int) -> None:
        """Take a place for an upload of an operator, to be handed over or left; raise Overloaded when there is none."""
        taken = self._uploads.total() + len(self._clerks)
        if taken >= PLACES or self._uploads[operator_id] >= UPLOADS_OF_ONE:
            raise Overloaded
        self._uploads[operator_id] += 1

    def leave_place(self, operator_id: int) -> None:
        self._uploads[operator_id] -= 1

    def hand_over(self, operator_id: int, import_id: int, file: IO[bytes]) -> None:
        """Have an import done in a place that was taken; the file is closed, and so deleted, with its end."""
        task = asyncio.create_task(self._see_off(import_id, file), name=f"import {import_id}")
        self._clerks[import_id] = task
        self.leave_place(operator_id)
        task.add_done_callback(lambda _: self._clerks.pop(import_id))

    def stop(self, import_id: int) -> None:
        """Stop the clerk of an import that was cancelled, if it is one of ours; others find it out by themselves."""
        if (task := self._clerks.get(import_id)) is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop what runs: none of it has added anything, or all of it had been added."""
        await cancel([*self._clerks.values()])

    async def _see_off(self, import_id: int, file: IO[bytes]) -> None:
        outcome = LOST
        with file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "server.timetables.clerk"),
                *(str(import_id), str(file.fileno())),
                pass_fds=(file.fileno(),),
                stdin=asyncio.subprocess.PIPE,
            )
            try:
                async with asyncio.timeout(LONGEST_SECONDS):
                    # Not among its arguments, which everybody on the machine may read.
                    await process.communicate(self._database_url.encode())
            except TimeoutError:
                outcome = _TOO_LONG
            except asyncio.CancelledError:
                outcome = _STOPPED
                raise
            finally:
                with suppress(ProcessLookupError):
                    if process.returncode is None:
                        process.kill()
                # Not to be cancelled: it is over in a moment, and the row would stay as if it ran.
                await asyncio.shield(self._end(process, import_id, outcome))

    async def _end(
        self, process: asyncio.subprocess.Process, import_id: int, outcome: Mapping[str, Any]
    ) -> None:
        await process.wait()
        try:
            if await self._imports.end(import_id, State.FAILED, outcome):
                log.warning("import %d failed: %s", import_id, outcome["detail"])
        except StoreError as error:
            # Nobody says any more that it runs, and so it counts as lost in a minute.
            log.warning("import %d has no end: %s", import_id, error)
