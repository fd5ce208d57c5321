"""Tickets on paper, drawn and looked at: the code is read and believed offline, the text is text in every script."""

import unicodedata
from datetime import UTC, datetime

import pypdfium2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from server.languages import LOCALES, Locale
from server.texts import read_catalogue, texts
from server.ticketing.pdf import PAPERS, Paper, render
from server.ticketing.token import read, signed_ticket
from server.ticketing.typesetting import set_line, wrap
from store.errors import WrongState
from store.model import BookingStatus
from store.scans import SignedTicket
from tests.ticketing.pages import see
from tests.ticketing.trips import KEYS, make_booking, make_bus

MM = 72 / 25.4
ARABIC = "أحمد عبد الله"
HINDI = "श्रीमती कृष्णा शर्मा"
NAMES: dict[Locale, str] = {
    "en": "Ann Example",
    "de": "Zoë Müßig-Straße",
    "es": "Íñigo Núñez",
    "hi": HINDI,
    "ar": ARABIC,
}
STOPS: dict[Locale, tuple[str, str]] = {
    "en": ("Ahorn", "Birke"),
    "de": ("Köln Süd", "Zürich"),
    "es": ("Málaga", "Cádiz"),
    "hi": ("नई दिल्ली", "जयपुर"),
    "ar": ("القاهرة", "الإسكندرية"),
}


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_passenger_has_a_page_whose_code_is_believed_with_the_public_key_alone(
    locale: Locale, paper: Paper
) -> None:
    first, second = STOPS[locale]
    booking = make_booking((NAMES[locale], "Bob"), bus=make_bus(((first, "UTC"), (second, "UTC"))))
    pages = see(render(booking, KEYS, locale, paper))
    assert len(pages) == 2
    offline = {key.number: Ed25519PublicKey.from_public_bytes(key.raw) for key in KEYS.public}
    for page, ticket in zip(pages, booking.tickets, strict=True):
        (code,) = page.codes
        said, expected = read(code, offline), signed_ticket(booking, ticket)
        assert isinstance(said, SignedTicket)
        assert (said.bus_id, said.booking_id, said.seat_no, said.leg) == (
            *(expected.bus_id, expected.booking_id, expected.seat_no),
            expected.leg,
        )
        assert round(page.width / MM) == {"a4": 210, "80mm": 80}[paper]


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_printed_can_be_copied_and_read_aloud(locale: Locale, paper: Paper) -> None:
    first, second = STOPS[locale]
    booking = make_booking((NAMES[locale],), bus=make_bus(((first, "UTC"), (second, "UTC"))))
    (page,) = see(render(booking, KEYS, locale, paper))
    text = " ".join(unicodedata.normalize("NFKC", page.text).split())
    said = map(texts(locale).gettext, ("Seat", "Departure", "Passenger"))
    for expected in (
        *(NAMES[locale], first, second, "Northline", "K7QX2M", "1A", "The 10:05"),
        *said,
    ):
        assert unicodedata.normalize("NFKC", expected) in text, (expected, text)


def test_a_document_has_a_title_and_says_its_language() -> None:
    written = render(make_booking(), KEYS, "ar", "a4")
    document = pypdfium2.PdfDocument(written)
    assert document.get_metadata_dict()["Title"] == f"{texts('ar').gettext('Ticket')} K7QX2M"
    assert document.get_metadata_dict()["Author"] == "Northline"
    document.close()
    assert b"/Lang (ar)" in written
    assert b"/DisplayDocTitle true" in written


def test_the_same_booking_gives_the_same_bytes() -> None:
    booking = make_booking()
    assert render(booking, KEYS, "en", "a4") == render(booking, KEYS, "en", "a4")
    assert len(render(booking, KEYS, "hi", "a4")) < 100_000


def test_nothing_is_printed_for_who_does_not_travel() -> None:
    states = ("VALID", "CANCELLED", "NO_SHOW")
    booking = make_booking(
        ("Ann", "Bob", "Cid"), status=BookingStatus.PARTIALLY_CANCELLED, tickets=states
    )
    (page,) = see(render(booking, KEYS, "en", "a4"))
    assert "Ann" in page.text
    gone = make_booking(("Ann",), status=BookingStatus.CANCELLED, tickets=("CANCELLED",))
    with pytest.raises(WrongState):
        render(gone, KEYS, "en", "a4")


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize(
    "name",
    [
        "W" * 120,
        "Wolfeschlegelsteinhausenbergerdorff " * 3,
        HINDI * 6,
        f"{ARABIC} " * 8,
        "王小明",
        "Zo\u0308e \U0001f600\ufe0f",
        "A\u0301\u0302\u0303\u0304",
        "\u200d",
    ],
)
def test_whatever_somebody_is_called_it_fits_on_the_page(name: str, paper: Paper) -> None:
    stop = name[:60] or "x"
    bus = make_bus(((stop, "UTC"), (stop, "UTC")), name=name, operator=name)
    (page,) = see(render(make_booking((name,), bus=bus), KEYS, "en", paper))
    assert len(page.codes) == 1
    assert "K7QX2M" in page.text


def test_arabic_letters_are_joined_and_run_from_right_to_left() -> None:
    line = set_line("بيت")  # three letters: one that begins, one in the middle, one that ends
    alone = [set_line(letter).glyphs[-1].number for letter in "بيت"]
    joined = [glyph.text for glyph in line.glyphs]
    assert "".join(reversed([text for text in joined if text])).count("ب") >= 1
    assert line.glyphs[-1].text.startswith("ب"), "the first letter stands to the right"
    assert not set(alone) <= {glyph.number for glyph in line.glyphs}


def test_numbers_and_latin_words_keep_their_way_within_arabic() -> None:
    line = set_line("محطة 42 Berlin", "R")
    seen = "".join(glyph.text for glyph in sorted(line.glyphs, key=lambda glyph: glyph.x))
    assert "Berlin" in seen
    assert "42" in seen
    assert seen.index("Berlin") < seen.index("42") < seen.index("م")


def test_devanagari_is_composed() -> None:
    conjunct, apart = set_line("क्ष"), set_line("क")  # one shape of three letters
    assert len(conjunct.glyphs) < 3
    assert conjunct.glyphs[0].number != apart.glyphs[0].number
    before = set_line("कि")
    assert before.glyphs[0].number != apart.glyphs[0].number, "the vowel stands before its letter"


def test_no_letter_becomes_a_box() -> None:
    for locale in LOCALES:
        # All that is said in that language, and what the calendar has for days of every month.
        said = [str(message.string) for message in read_catalogue(locale) if message.id]
        days = [
            texts(locale).date(datetime(2031, 1 + n, 1 + n, tzinfo=UTC), "UTC") for n in range(12)
        ]
        for text in (
            *said,
            *days,
            NAMES[locale],
            *STOPS[locale],
            "王小明 Ελλάδα Привет №42 €19.90 ₹120  →",
        ):
            assert all(glyph.number != 0 for glyph in set_line(text).glyphs), text


@pytest.mark.parametrize(
    "names",
    [
        ("דוד כהן", "Արամ Խաչատրյան", "გიორგი ბერიძე", "สมชาย ใจดี"),
        ("সুভাষ চন্দ্র", "રમેશ પટેલ", "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ", "ಕೃಷ್ಣ ರಾವ್"),
        ("കൃഷ്ണൻ നായർ", "ଜଗନ୍ନାଥ ଦାସ", "முத்து கிருஷ்ணன்", "శ్రీనివాస రావు"),
    ],
)
def test_names_are_printed_in_the_scripts_of_where_buses_go(names: tuple[str, ...]) -> None:
    pages = see(render(make_booking(names), KEYS, "en", "80mm"))
    for name, page in zip(names, pages, strict=True):
        assert all(glyph.number != 0 for glyph in set_line(name).glyphs)
        text = " ".join(unicodedata.normalize("NFKC", page.text).split())
        assert unicodedata.normalize("NFKC", name) in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("김민준", "GimMinJun"),
        ("さくら", "sakura"),
        ("ኃይሌ", "xaayelee"),
        ("王小明", "[738B][5C0F][660E]"),
        ("\U0001f600", "[1F600]"),
    ],
)
def test_a_letter_that_no_face_has_is_shown_as_it_is_read_or_by_its_number(
    name: str, shown: str
) -> None:
    line = set_line(name)
    assert (line.text, "".join(glyph.text for glyph in line.glyphs)) == (name, shown)


def test_a_letter_that_no_face_has_is_copied_as_it_was_typed() -> None:
    (page,) = see(render(make_booking(("Ann 王小明 김민준",)), KEYS, "en", "a4"))
    assert "Ann 王小明 김민준" in " ".join(page.text.split())


def test_lines_break_between_words() -> None:
    text = "one two three four five"
    lines = wrap(text, set_line("three four").width)
    assert " ".join(lines) == text
    assert len(lines) >= 2
    assert wrap("", 10) == [""]
