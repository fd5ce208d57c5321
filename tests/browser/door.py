"""A bus at the door, as browser tests need it: sold, about to be boarded, with the codes that are on its tickets."""

import io
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx2
import segno
from PIL import Image

from server.ticketing.token import TicketKeys, new_ticket_key, signed_ticket
from store import Store
from store.house_keys import TICKETS
from store.timetable import NewBus
from tests.browser.site import Site
from tests.browser.world import ADMIN

CAMERA = """
    // A camera before which a ticket is held, and the reader that Chromium has on phones: it reads what a test says.
    window.inView = [];
    globalThis.BarcodeDetector = class {
        static async getSupportedFormats() { return ['qr_code'] }
        async detect() { return window.inView.map(rawValue => ({ rawValue })) }
    };
    window.asked = [];
    navigator.mediaDevices.enumerateDevices = async () =>
        ['front', 'back'].map(deviceId => ({ kind: 'videoinput', deviceId }));
    navigator.mediaDevices.getUserMedia = async ({ video }) => {
        window.asked.push(video.deviceId ?? video.facingMode);
        const canvas = Object.assign(document.createElement('canvas'), { width: 720, height: 720 });
        const paint = canvas.getContext('2d');
        const square = (colour, x, y, size) => { paint.fillStyle = colour; paint.fillRect(x, y, size, size) };
        const draw = () => {
            square('#4a5a52', 0, 0, 720);
            square('#ffffff', 190, 190, 340);
            for (let at = 0; at < 841; at += 1)
                if ((at * 7919 + (at >> 3) * 104729) % 13 < 6)
                    square('#111111', 215 + (at % 29) * 10, 215 + Math.floor(at / 29) * 10, 10);
            for (const [x, y] of [[215, 215], [435, 215], [215, 435]])
                for (const [colour, size] of [['#ffffff', 80], ['#111111', 70], ['#ffffff', 50], ['#111111', 30]])
                    square(colour, x + (70 - size) / 2, y + (70 - size) / 2, size);
        };
        setInterval(draw, 100);
        draw();
        return canvas.captureStream(10);
    };
"""


def film(code: str, path: Path) -> tuple[str, ...]:
    """Film a ticket as a hand holds it, askew, and return the flags with which a Chromium's camera sees it."""
    drawn = io.BytesIO()
    segno.make(code, error="m", boost_error=False).save(drawn, kind="png", scale=6, border=6)
    paper = Image.open(drawn).convert("L").rotate(8, expand=True, fillcolor=255)
    scene = Image.new("L", (640, 480), 96)
    scene.paste(paper, ((640 - paper.width) // 2, (480 - paper.height) // 2))
    frame = io.BytesIO()
    scene.convert("RGB").save(frame, format="JPEG", quality=80)
    path.write_bytes(frame.getvalue() * 4)
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream=fps=10",
        f"--use-file-for-fake-video-capture={path}",
    )


async def put_at_the_door(site: Site, name: str) -> str:
    """Put another coach of the first one's line on sale, which leaves in two hours."""
    connection = await asyncpg.connect(site.database_url)
    like = await connection.fetchrow(
        "SELECT operator_id, route_id, layout_id FROM buses WHERE bus_id = $1",
        int(site.world.coaches[0]),
    )
    await connection.close()
    assert like is not None
    new = NewBus(
        name=name,
        departs_at=datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=2),
        price=2900,
        operator_id=like["operator_id"],
        route_id=like["route_id"],
        layout_id=like["layout_id"],
    )
    store = await Store.open(site.database_url)
    bus = (await store.timetable.add_bus(ADMIN, new)).bus_id
    await store.close()
    return str(bus)


async def leave(site: Site, bus: str, minutes: int) -> datetime:
    """Let a bus have left its first stop so many minutes ago, and return when that was."""
    connection = await asyncpg.connect(site.database_url)
    operator = await connection.fetchval(
        "SELECT operator_id FROM buses WHERE bus_id = $1", int(bus)
    )
    await connection.execute(f"SET omnibus.operators = '{{{operator}}}'")
    moved = "departs_at = departs_at - $2::interval, arrives_at = arrives_at - $2::interval"
    by = timedelta(hours=2, minutes=minutes)
    for change in (f"bus_stops SET {moved}", f"buses SET facts = facts + 1, {moved}"):
        await connection.execute(f"UPDATE {change} WHERE bus_id = $1", int(bus), by)
    left: datetime = await connection.fetchval(
        "SELECT departs_at FROM buses WHERE bus_id = $1", int(bus)
    )
    await connection.close()
    return left


async def count_scans(site: Site, bus: str) -> int:
    """Return how many scans the server has kept of a bus."""
    connection = await asyncpg.connect(site.database_url)
    try:
        await connection.execute(
            "SELECT set_config('omnibus.operators', array[operator_id]::text, false) FROM buses WHERE bus_id = $1",
            int(bus),
        )
        return int(
            await connection.fetchval("SELECT count(*) FROM scans WHERE bus_id = $1", int(bus))
        )
    finally:
        await connection.close()


async def sell(
    site: Site, bus: str, passengers: dict[str, str], *, from_stop: str | None = None
) -> str:
    """Sell seats to people by name, paid at the demo bank; return the booking's ref."""
    body: dict[str, object] = {
        "bus_id": bus,
        "seats": [*passengers],
        "passengers": [{"seat": seat, "name": name} for seat, name in passengers.items()],
        "payment_method": "demo",
    }
    if from_stop is not None:
        body |= {"from_stop": from_stop, "to_stop": site.world.stops["München ZOB"]}
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1", trust_env=False) as client:
        headers = {"idempotency-key": uuid.uuid4().hex}
        sold = await client.post("/bookings", json=body, headers=headers)
        booking = sold.raise_for_status().json()
        paid = f"/payments/{booking['payment']['id']}/demo"
        (await client.post(paid, json={"outcome": "succeeded"})).raise_for_status()
    return str(booking["ref"])


async def codes_of(site: Site, ref: str) -> dict[str, str]:
    """Return what is in the QR codes of a booking, by seat."""
    store = await Store.open(site.database_url)
    keys = TicketKeys(await store.house_keys.find_or_make(TICKETS, new_ticket_key))
    sold = await store.lookup.find_by_ref(ref)
    await store.close()
    label = sold.bus.layout.label
    return {label(each.seat_no): keys.mint(signed_ticket(sold, each)) for each in sold.tickets}
