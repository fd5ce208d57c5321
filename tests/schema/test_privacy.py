"""The map of what is held about people is whole: no column that leads to somebody is missing from docs/privacy.md."""

from pathlib import Path

from store.db import Connection

MAP = Path(__file__).parents[2] / "docs" / "privacy.md"
# What an account is pointed at by, and what people are called and reached by.
_PERSONAL = """
SELECT c.table_name, c.column_name
FROM information_schema.columns AS c
JOIN information_schema.tables AS t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND (
    c.column_name IN ('user_id', 'actor_id', 'sold_by', 'created_by', 'buyer', 'network')
    OR c.column_name ~ 'email|phone|recipient|password' OR c.domain_name = 'person_name' OR c.column_name = 'names'
)
"""


def mapped() -> dict[str, str]:
    """Return what the map says of each table."""
    said: dict[str, str] = {}
    for line in MAP.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            tables, columns = line.split("|")[1:3]
            for table in tables.replace("`", "").split(","):
                said[table.strip()] = said.get(table.strip(), "") + columns
    return said


async def test_every_column_about_people_is_on_the_map(app: Connection) -> None:
    found = {(row["table_name"], row["column_name"]) for row in await app.fetch(_PERSONAL)}
    assert ("bookings", "names") in found
    said = mapped()
    # Sessions and links are on the map as what they are; whose they are is what makes them so.
    whole = {"refresh_tokens", "mails", "mailed_tokens", "users"}
    assert (
        sorted(
            f"{table}.{column}"
            for table, column in found
            if table not in said or (table not in whole and f"`{column}`" not in said[table])
        )
        == []
    )


async def test_the_map_shows_no_table_that_is_gone(app: Connection) -> None:
    tables = await app.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    there = {row["tablename"] for row in tables}
    assert {table for table in mapped() if table.isidentifier()} <= there
