"""Makes a database ready to serve from: the newest schema, and the demo where it is wanted."""

from collections.abc import Callable

from server.config import Settings
from server.demo import load_demo
from server.passwords import Passwords
from store import Store
from store.facade import StoreOptions
from store.migrate import migrate
from store.months import open_months


async def prepare_database(settings: Settings, report: Callable[[str], None]) -> None:
    """Migrate, then load the demo or top it up if it is on. `report` hears what was done, a line at a time."""
    assert settings.database_url is not None
    assert settings.direct_url is not None
    for name in await migrate(settings.direct_url):
        report(f"schema: {name}")
    await open_months(settings.direct_url)
    if not settings.demo:
        return
    store = await Store.open(settings.database_url, StoreOptions(pool_size=4))
    passwords = Passwords()
    try:
        await load_demo(store, passwords, report)
    finally:
        passwords.close()
        await store.close()
