"""Which databases a command works on: those that the settings name, or those of an `omnibus up` that runs here."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from server.config import Settings, load
from server.embedded import StartError, find_running
from store import Store
from store.access import DatabaseUnusable, explaining, reaching
from store.facade import StoreOptions
from store.roles import APP

T = TypeVar("T")


def connected_settings(command: str) -> Settings:
    """Return settings that name a database; without one, exit with what to do about it.

    What the settings leave open is taken from the `omnibus up` that holds the data folder.
    """
    settings = load()
    if settings.database_url and settings.redis_url:
        return settings
    try:
        running = find_running(settings.data_dir)
    except (StartError, OSError):  # not ours to look into, so not ours to use either
        running = None
    if settings.database_url is None and running is not None and running.database_url is not None:
        return replace(
            settings,
            database_url=running.database_url,
            redis_url=settings.redis_url or running.redis_url,
        )
    if settings.database_url is None:
        sys.exit(
            f"omnibus: {command} needs a database: set OMNIBUS_DATABASE_URL (postgresql://user@host/name),"
            f" or let `omnibus up` run on {settings.data_dir}"
        )
    return settings


def database_url(command: str) -> str:
    """Return the database alone, for commands that need nothing else."""
    url = connected_settings(command).database_url
    assert url is not None
    return url


def on_store(command: str, work: Callable[[Store], Awaitable[T]], *, role: str = APP) -> T:
    """Do one thing with the store and return what it returns; what is wrong with the database is one message."""
    url = database_url(command)

    async def run() -> T:
        async with reaching(url):
            store = await Store.open(url, StoreOptions(pool_size=1, role=role))
            try:
                return await work(store)
            finally:
                await store.close()

    try:
        return asyncio.run(run())
    except DatabaseUnusable as error:
        sys.exit(f"omnibus: cannot use the database: {error.reason}")


def run_explained(main: Coroutine[Any, Any, None]) -> None:
    """Run a process's whole life; a database that is in its way is one message, not a stack trace."""
    from server.serve import run  # noqa: PLC0415 - heavy imports only for those who need them

    async def explained() -> None:
        async with explaining():
            await main

    try:
        run(explained())
    except DatabaseUnusable as error:
        sys.exit(f"omnibus: cannot use the database: {error.reason}")
