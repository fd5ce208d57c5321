"""What a visitor would see of the demo, to compare."""

from datetime import UTC, datetime
from typing import Any

NOON = datetime(2030, 6, 3, 12, tzinfo=UTC)
"""A Monday in all of the demo's time zones."""

_SIGHTS = (
    "SELECT b.source_key, b.service_date, b.departs_at, b.arrives_at, b.fares::text, b.currency, b.name,"
    " r.name AS route, l.name AS layout, string_agg(s.states, ',' ORDER BY s.seat_no) AS states"
    " FROM buses AS b JOIN routes AS r USING (route_id) JOIN layouts AS l USING (layout_id)"
    " JOIN seats AS s USING (bus_id) GROUP BY b.bus_id, r.name, l.name"
    " ORDER BY b.operator_id, b.source_key, b.service_date"
)


async def sights(owner: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await owner.fetch(_SIGHTS)]
