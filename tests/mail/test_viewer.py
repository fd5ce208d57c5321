"""`/dev/outbox`: a demo's mails, for whoever sits at the machine, in a frame that can do nothing."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from server.front import Front
from server.mail import viewer
from server.mail.letters import House, write_letter
from server.mail.sink import FileSink
from server.proxies import Proxies
from store.mails import Template
from tests.api.served import Served
from tests.mail.trips import HOME, mail, trip
from tests.support.servers import ThrowawayValkey

HERE = "http://127.0.0.1:8000"
BOX = "/dev/outbox"


def client_of(folder: Path, address: str = "127.0.0.1") -> httpx2.AsyncClient:
    app = Front(Starlette(routes=[*viewer.routes(folder)]), proxies=Proxies(()))
    transport = httpx2.ASGITransport(app=app, client=(address, 4711))
    return httpx2.AsyncClient(transport=transport, base_url=HERE)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with one mail to a passenger who would like to be a script, and one file attached."""
    found = tmp_path / "mail"
    about = trip("ar", names=("<script>alert(1)</script>",), operator="<b>Northline</b>")
    letter = write_letter(mail(Template.TICKET, "ar"), House(HOME), about)
    letter.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename='a"; x="b/c.pdf')
    await FileSink(found).send(mail(Template.TICKET), letter)
    return found


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(folder) as found:
        yield found


async def open_mail(client: httpx2.AsyncClient) -> str:
    page = (await client.get(BOX)).text
    (link,) = re.findall(rf'href="({BOX}/[^"]+)"', page)
    return str(link)


async def test_a_mail_is_listed_and_shown_as_text_and_as_html(client: httpx2.AsyncClient) -> None:
    listed = await client.get(BOX)
    assert listed.status_code == 200
    assert "ann@example.org" in listed.text
    assert listed.headers["cache-control"] == "no-store"
    link = await open_mail(client)
    shown = await client.get(link)
    assert "<script" not in shown.text
    assert f'href="{HOME}/bookings/K7QX2M#key=k3y-_"' in shown.text
    assert f'sandbox="allow-popups allow-popups-to-escape-sandbox" src="{link}/html"' in shown.text
    framed = await client.get(f"{link}/html")
    assert '<html lang="ar" dir="rtl">' in framed.text
    assert "<script" not in framed.text


async def test_what_is_framed_runs_nothing_and_is_nobody_s_page(client: httpx2.AsyncClient) -> None:
    link = await open_mail(client)
    framed = (await client.get(f"{link}/html")).headers["content-security-policy"]
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in framed
    assert "default-src 'none'" in framed
    assert "script" not in framed
    assert "allow-same-origin" not in framed
    around = (await client.get(link)).headers["content-security-policy"]
    assert "default-src 'none'" in around
    assert "unsafe" not in around
    assert "frame-ancestors 'none'" in around


async def test_a_file_comes_as_a_download_under_a_plain_name(client: httpx2.AsyncClient) -> None:
    link = await open_mail(client)
    answer = await client.get(f"{link}/attachments/0")
    assert answer.content == b"%PDF"
    assert re.fullmatch(
        r'attachment; filename="[A-Za-z0-9._-]+"', answer.headers["content-disposition"]
    )
    assert (await client.get(f"{link}/attachments/1")).status_code == 404


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fetc%2fpasswd", "20261121T000000.000000Z-" + "0" * 36, "x", "%00", "*"],
)
async def test_a_name_that_is_no_mail_of_the_folder_finds_nothing(
    client: httpx2.AsyncClient, name: str
) -> None:
    for path in (f"{BOX}/{name}", f"{BOX}/{name}/html", f"{BOX}/{name}/attachments/0"):
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.7", {}),
        ("127.0.0.1", {"host": "tickets.example"}),
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.7"}),
    ],
)
async def test_from_elsewhere_there_is_no_outbox(
    folder: Path, address: str, headers: dict[str, str]
) -> None:
    async with client_of(folder, address) as client:
        assert (await client.get(BOX, headers=headers)).status_code == 404


async def test_an_outbox_without_mails_says_so(tmp_path: Path) -> None:
    async with client_of(tmp_path / "nowhere") as client:
        assert "No mail yet" in html.unescape((await client.get(BOX)).text)


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"OMNIBUS_DEMO": "on"}, 200),
        ({}, 404),
        ({"OMNIBUS_DEMO": "on", "OMNIBUS_SMTP_URL": "smtps://mail.example"}, 404),
    ],
)
async def test_it_is_there_only_in_a_demo_whose_mails_are_files(
    database_url: str,
    valkey: ThrowawayValkey,
    tmp_path: Path,
    settings: dict[str, str],
    status: int,
) -> None:
    given = {"OMNIBUS_MAIL_DIR": str(tmp_path), **settings}
    async with (
        Served(database_url, valkey.url, settings=given) as served,
        httpx2.AsyncClient(base_url=served.url) as client,
    ):
        answer = await client.get(BOX)
        assert answer.status_code == status
