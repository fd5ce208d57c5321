"""Makes a database ready to serve from: the newest schema, and the demo where it is wanted."""

from collections.abc import Callable

from server.config import Settings
from store.migrate import migrate

DEMO_LOGINS = {
    "admin@omnibus.example": "demo-admin",
    "operator@omnibus.example": "demo-operator",
    "agent@omnibus.example": "demo-agent",
    "rider@omnibus.example": "demo-rider",
}


async def prepare_database(settings: Settings, report: Callable[[str], None]) -> None:
    assert settings.database_url is not None
    for name in await migrate(settings.database_url):
        report(f"migrated: {name}")
