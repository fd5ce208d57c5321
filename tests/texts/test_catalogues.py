"""Every text exists in every language, whole: nobody reads half a mail, or a name in braces."""

import re
from datetime import UTC, datetime

import pytest
from babel.messages.catalog import Catalog

from server.languages import DEFAULT, LOCALES
from server.texts import catalogue_path, read_catalogue, texts
from server.texts.__main__ import extract, updated, written
from server.texts.faults import faults_of

MOMENT = datetime(2026, 11, 24, 9, 5, tzinfo=UTC)
ONE, MANY = "{count} seat of {ref}", "{count} seats of {ref}"


@pytest.fixture(scope="module")
def spoken() -> Catalog:
    return extract()


@pytest.mark.parametrize("locale", LOCALES)
def test_a_catalogue_is_whole_and_sure_of_itself(locale: str, spoken: Catalog) -> None:
    assert len(spoken) > 50
    assert list(faults_of(read_catalogue(locale), spoken)) == []


@pytest.mark.parametrize("locale", LOCALES)
def test_a_catalogue_is_as_the_code_is(locale: str, spoken: Catalog) -> None:
    assert catalogue_path(locale).read_bytes() == written(updated(locale, spoken)), (
        "run `make texts`"
    )


def test_there_is_a_folder_for_each_language_and_for_no_other() -> None:
    folders = {path.parent.parent.name for path in catalogue_path("*").parents[2].glob("*/*/*.po")}
    assert folders == set(LOCALES)


@pytest.mark.parametrize("locale", set(LOCALES) - {DEFAULT})
def test_a_language_is_not_the_code_s_own(locale: str) -> None:
    same = {
        message.id
        for message in read_catalogue(locale)
        if message.id and message.id == message.string and not isinstance(message.id, tuple)
    }
    assert same <= {"Bus", "Total"}


@pytest.mark.parametrize(
    ("strings", "fault"),
    [
        (("", ""), "not translated"),
        (("{count} Platz von {ref}", ""), "not translated"),
        (("{count} Platz von {ref}", "{count} Plätze"), "other places for values"),
        (("{count} Platz von {ref}", "{count} Plätze von {refs}"), "other places for values"),
        (("{count} Platz von {ref}",), "1 plural forms of 2"),
        (("{count} Platz von {ref}", "{count} Plätze von {ref} "), "space at an end"),
        (("{count} Platz von {ref}", "{count} Plätze\u202e von {ref}"), "invisible characters"),
    ],
)
def test_what_a_reader_would_stumble_over_is_found(strings: tuple[str, ...], fault: str) -> None:
    spoken, catalogue = Catalog(), Catalog("de")
    spoken.add((ONE, MANY))
    catalogue.add((ONE, MANY), strings)
    assert [found.partition(":")[0] for found in faults_of(catalogue, spoken)] == [fault]


def test_what_is_unsure_missing_or_said_by_nobody_is_found() -> None:
    spoken, catalogue = Catalog(), Catalog("de")
    for text in ("Bus", "Seat"):
        spoken.add(text)
    catalogue.add("Bus", "Bus", flags=["fuzzy"])
    assert list(faults_of(catalogue, spoken)) == ["fuzzy: 'Bus'", "not in the catalogue: 'Seat'"]


def test_values_stand_in_their_places_and_are_never_read_as_places() -> None:
    t = texts("es")
    assert t.gettext("Booking {ref} is cancelled", ref="{ref.__class__}") == (
        "La reserva {ref.__class__} está cancelada"
    )
    assert t.gettext("never translated") == "never translated"


def test_in_arabic_values_are_kept_from_being_turned_about() -> None:
    t = texts("ar")
    assert t.is_rtl
    assert t.gettext("Seat {seat}", seat="1A").endswith("\u20681A\u2069")
    assert t.list(["1A", "1B"]).count("\u2068") == 2
    assert not texts("hi").is_rtl
    assert texts("hi").gettext("Seat {seat}", seat="1A") == "सीट 1A"


@pytest.mark.parametrize(
    ("locale", "day", "amount"),
    [
        ("en", "Tue, Nov 24, 2026", "€20.50"),
        ("de", "Di., 24. Nov. 2026", "20,50 €"),
        ("es", "mar, 24 nov 2026", "20,50 €"),
        ("hi", "मंगल, 24 नव॰ 2026", "€20.50"),
        ("ar", "الثلاثاء، 24 نوفمبر 2026", "20.50 €"),
    ],
)
def test_days_and_amounts_are_written_as_the_language_writes_them(
    locale: str, day: str, amount: str
) -> None:
    t = texts(locale)
    assert t.date(MOMENT, "Europe/Berlin") == day
    assert re.sub("[\u200e\u200f\u061c]", "", t.money(2050, "EUR")).replace("\xa0", " ") == amount
    assert t.time(MOMENT, "Asia/Kolkata") == "14:35", "hours as on boards, in every language"


def test_amounts_have_the_decimals_of_their_currency() -> None:
    t = texts("en")
    assert (t.money(500, "JPY"), t.money(1500, "KWD")) == ("¥500", "KWD1.500")


def test_a_day_is_that_of_the_place() -> None:
    t = texts("en")
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert t.date(late, "America/New_York") == "Tue, Nov 24, 2026"
    assert t.date(late, "Asia/Tokyo") == "Wed, Nov 25, 2026"
    assert (t.offset(late, "Asia/Kolkata"), t.offset(late, "UTC")) == ("GMT+05:30", "GMT+00:00")


def test_who_reads_no_language_of_ours_gets_that_of_the_code() -> None:
    assert texts("fr").locale == DEFAULT
