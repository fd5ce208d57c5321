"""Every mail about a booking, in every language: complete, also as text alone, and nobody's to add a link to."""

import re
from collections.abc import Iterator
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import unescape
from pathlib import Path

import pytest

from server.languages import LOCALES
from server.mail.letters import House, as_bytes, write_letter
from server.mail.trip_words import is_still_true
from store.letters import Trip
from store.mails import Mail, Template
from store.model import BookingStatus, SaleStatus
from tests.mail.trips import HOME, LEAVES, OF_TRIPS, mail, told_of, trip
from tests.support.mailbox import text_of

HOUSE = House(HOME)
SNAPSHOTS = Path(__file__).parent / "snapshots"
LINK = f"{HOME}/bookings/K7QX2M#key=k3y-_"
every_mail = pytest.mark.parametrize("template", OF_TRIPS)
in_every_language = pytest.mark.parametrize("locale", LOCALES)
_PARSER = BytesParser(policy=policy.default)
# Names of people who would like the mail to say more than who travels.
NASTY_NAMES = (
    "<script>alert(1)</script>",
    '<a href="https://evil.example">Win</a>',
    "Visit https://evil.example/now",
    "evil.example",
    "mailto:win@evil.example",
    "{ref} {0} {{ 7 * 7 }}",
    "%(ref)s $link",
    "Ann\u202etxt.exe",
    "\u2066Ann\u2069\u200f",
    "=cmd|' /C calc'!A0",
    "=?utf-8?q?a=0ABcc=3A_c=40d.org?=",
    "=?utf-8?b?YQpCY2M6IGNAZC5vcmc=?=",
    "=\u200b?utf-8?q?a=0D=0ABcc=3A_c=40d.org?=",
)


def read(letter: EmailMessage) -> EmailMessage:
    parsed = _PARSER.parsebytes(as_bytes(letter))
    assert isinstance(parsed, EmailMessage)
    return parsed


def written(what: Mail, about: Trip) -> EmailMessage:
    return read(write_letter(what, HOUSE, about))


def html_of(letter: EmailMessage) -> str:
    part = letter.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def words(text: str) -> Iterator[str]:
    for word in text.split():
        yield word.strip("\u2068\u2069").removesuffix(":")


@every_mail
def test_the_text_is_readable_by_itself(template: Template) -> None:
    letter = written(mail(template), told_of(template))
    told = f"Subject: {letter['Subject']}\n\n{text_of(letter)}"
    assert told == (SNAPSHOTS / f"{template}.txt").read_text(encoding="utf-8")


@in_every_language
@every_mail
def test_text_and_html_say_the_same_in_every_language(template: Template, locale: str) -> None:
    letter = written(mail(template, locale), told_of(template, locale))
    text, html = text_of(letter), html_of(letter)
    shown = unescape(html)
    assert [word for word in words(text) if word not in shown] == []
    assert f'<html lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}">' in html
    assert letter["Content-Language"] == locale
    assert "K7QX2M" in text
    assert "2026" in text
    assert not re.search(r"[{}]|%\(|\$|None|Undefined", text + str(letter["Subject"]))


@every_mail
def test_in_another_language_nothing_of_the_code_s_own_is_left(template: Template) -> None:
    # What stands in both: names, which are nobody's to translate, and words that languages share.
    english = set(words(text_of(written(mail(template), told_of(template)))))
    own = {word for word in english if re.fullmatch(r"[a-z]{4,}", word)}
    for locale in ("hi", "ar"):
        text = text_of(written(mail(template, locale), told_of(template, locale)))
        assert not own & set(words(text)), locale


@in_every_language
def test_a_ticket_s_mail_says_all_that_a_rider_needs(locale: str) -> None:
    letter = written(mail(Template.TICKET, locale), trip(locale))
    text = re.sub("[\u2068\u2069\u200e\u200f]", "", text_of(letter))
    for fact in (
        "The 10:05",
        "Northline",
        "Berlin ZOB",
        "Wien, Erdberg",
        "10:05",
        "18:05",
        "1A",
        "2A",
    ):
        assert fact in text, fact
    assert "Ann Smith" in text
    assert "José Müller" in text
    assert "41" in text
    assert f"\n{LINK}\n" in text, "on a line of its own, whole"


def test_the_key_of_a_booking_stands_where_no_server_and_no_log_sees_it() -> None:
    text = text_of(written(mail(Template.TICKET), trip()))
    assert text.count("k3y-_") == 1
    assert "#key=k3y-_" in text


def test_times_are_those_of_the_stops_and_say_so_where_clocks_differ() -> None:
    far = trip(origin="London", destination="Paris", zones=("Europe/London", "Europe/Paris"))
    text = text_of(written(mail(Template.TICKET), far))
    assert "Departure: Tue, Nov 24, 2026, 09:05 (GMT+00:00)" in text
    assert "Arrival: Tue, Nov 24, 2026, 18:05 (GMT+01:00)" in text


def test_whose_seat_was_given_back_is_no_passenger_any_more() -> None:
    about = trip(cancelled=(2,), status=BookingStatus.PARTIALLY_CANCELLED)
    text = text_of(written(mail(Template.REMINDER), about))
    assert "Ann Smith" in text
    assert "José" not in text
    assert "Total: €20.50" in text


@pytest.mark.parametrize(
    ("method", "said"),
    [("demo", "goes back the way it was paid"), ("cash", "back where you bought the ticket")],
)
def test_money_comes_back_the_way_it_came(method: str, said: str) -> None:
    about = trip(cancelled=(1, 2), status=BookingStatus.CANCELLED, method=method)
    what = mail(Template.BOOKING_CANCELLED, given={"seats": "1A,2A", "refund": "4100"})
    text = text_of(written(what, about))
    assert said in " ".join(text.split())
    assert "€41.00" in text
    nothing = text_of(written(mail(Template.BOOKING_CANCELLED, given={"seats": "1A,2A"}), about))
    assert "nothing is paid back" in nothing


def test_a_late_payment_that_was_still_in_time_brings_the_trip() -> None:
    letter = written(mail(Template.PAYMENT_LATE, given={}), trip())
    assert letter["Subject"] == "Your late payment counts: booking K7QX2M"
    assert LINK in text_of(letter)


@pytest.mark.parametrize(
    ("status", "given", "subject", "money"),
    [
        (BookingStatus.EXPIRED, {"refund": "4100"}, "Your payment came too late", "€41.00"),
        (BookingStatus.CONFIRMED, {"refund": "4100"}, "A payment goes back to you", "€41.00"),
        (BookingStatus.EXPIRED, {"refund": "99"}, "A payment goes back to you", "€0.99"),
        (
            BookingStatus.PENDING,
            {"refund": "4100", "currency": "JPY"},
            "A payment goes back to you",
            "¥4,100",
        ),
    ],
)
def test_money_that_goes_back_is_told_with_the_reason_and_in_its_own_currency(
    status: BookingStatus, given: dict[str, str], subject: str, money: str
) -> None:
    gone = () if status is BookingStatus.CONFIRMED else (1, 2)
    letter = written(mail(Template.PAYMENT_LATE, given=given), trip(cancelled=gone, status=status))
    assert letter["Subject"] == f"{subject}: booking K7QX2M"
    assert f"{money} goes back the way it was paid" in " ".join(text_of(letter).split())


@every_mail
@pytest.mark.parametrize("name", NASTY_NAMES)
def test_no_name_adds_markup_a_link_a_header_or_turns_the_text_about(
    template: Template, name: str
) -> None:
    named = trip(names=(name, "Bob"), operator=name, origin=name, destination=name)
    letter = written(mail(template), named)
    text, html = text_of(letter), html_of(letter)
    assert "<script" not in html
    assert set(re.findall(r'href="([^"]*)"', html)) <= {
        LINK.replace("&", "&amp;"),
        f"{HOME}/buses/7",
    }
    assert "49" not in text.replace("K7QX2M", "")
    assert not re.search("[\u202a-\u202e\u2066\u2067\u200f]", text + html)
    assert len(letter["To"].addresses) == 1
    assert len(letter["From"].addresses) == 1
    assert {each.lower() for each in letter} == {
        *("from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version"),
        *("content-type", "content-language"),
    }


def test_what_looks_like_a_link_in_a_name_is_none_to_a_mail_program() -> None:
    text = text_of(
        written(
            mail(Template.TICKET), trip(names=("evil.example", "Visit https://evil.example/now"))
        )
    )
    assert "evil.example" not in text
    assert "evil.\u2060example" in text
    assert "https://evil" not in text


@in_every_language
@pytest.mark.parametrize(
    "name",
    [
        "Berlin ZOB",
        "Nördliche Bus Linien",
        "شركة النقل Express",
        "उत्तर रेखा Lines",
        "Ö",
        'Bus "A", <b>',
    ],
)
def test_a_subject_arrives_as_it_was_written_spaces_and_all(locale: str, name: str) -> None:
    for template in OF_TRIPS:
        about = trip(locale, origin=name, destination=f"{name} 2", operator=name)
        letter = write_letter(mail(template, locale), HOUSE, about)
        assert str(read(letter)["Subject"]) == str(letter["Subject"])
        assert read(letter)["From"].addresses[0].display_name == name
        head = as_bytes(letter).partition(b"\r\n\r\n")[0]
        assert max(map(len, head.split(b"\r\n"))) <= 78


def test_a_name_in_any_script_and_of_any_length_is_whole() -> None:
    names = (
        "Zoë Ångström-O'Neill",
        "सुनीता शर्मा",
        "محمد العربي",
        "王小明",
        "👩🏽‍🚀 Ada",
        "W" * 119 + "!",
    )
    text = text_of(written(mail(Template.TICKET), trip(names=names)))
    for name in names:
        assert name in text


@pytest.mark.parametrize(
    "end", ["\r\nBcc: c@d.org", "\nBcc: c@d.org", "\u2028Bcc: c@d.org", "\x85x"]
)
def test_no_name_of_a_stop_or_an_operator_ends_a_header(end: str) -> None:
    about = trip(operator=f"Northline{end}", origin=f"Berlin{end}", destination=f"Wien{end}")
    letter = written(mail(Template.TICKET), about)
    assert letter["Bcc"] is None
    assert len(letter["From"].addresses) == 1
    assert "\n" not in str(letter["Subject"])


@in_every_language
@every_mail
def test_a_mail_loads_nothing_runs_nothing_and_counts_nobody(
    template: Template, locale: str
) -> None:
    html = html_of(written(mail(template, locale), told_of(template, locale)))
    for loaded in (
        "<img",
        "<link",
        "<script",
        "<iframe",
        "<form",
        "url(",
        "@import",
        "http-equiv",
        "src=",
    ):
        assert loaded not in html.lower()


@in_every_language
def test_a_mail_is_the_same_to_the_byte_and_pure_ascii(locale: str) -> None:
    first, second = (
        as_bytes(write_letter(mail(Template.TICKET, locale), HOUSE, trip(locale))) for _ in range(2)
    )
    assert first == second
    assert first.isascii()


@pytest.mark.parametrize("template", [Template.TICKET, Template.REMINDER, Template.BUS_CHANGED])
def test_what_is_not_so_any_more_is_told_to_nobody(template: Template) -> None:
    assert is_still_true(mail(template), trip())
    for other in (
        trip(status=BookingStatus.CANCELLED, cancelled=(1, 2)),
        trip(bus_status=SaleStatus.CANCELLED),
        trip(email="bob@example.org"),
        trip(email=None),
    ):
        assert not is_still_true(mail(template), other)


def test_a_seat_is_told_while_somebody_has_it_and_the_bus_is_to_come() -> None:
    what = mail(Template.SEAT_CHANGED)
    assert is_still_true(what, trip())
    assert not is_still_true(what, trip(cancelled=(2,), status=BookingStatus.PARTIALLY_CANCELLED))
    assert not is_still_true(what, trip(now=LEAVES))


def test_nobody_is_reminded_of_a_bus_that_has_left() -> None:
    assert is_still_true(mail(Template.REMINDER), trip(now=LEAVES - timedelta(seconds=1)))
    assert not is_still_true(mail(Template.REMINDER), trip(now=LEAVES))
