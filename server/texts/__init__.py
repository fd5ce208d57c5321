"""What people are told, in their own language: sentences from gettext catalogues; dates, times and money from CLDR.

The catalogues are read as their translators wrote them (`<locale>/LC_MESSAGES/omnibus.po`), each when it is first asked
for, so there is nothing to compile and nothing compiled to forget. `python -m server.texts` brings them up to date with
the code; `docs/mail.md` says how to add a language.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton, format_time, get_timezone_gmt
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, get_currency_precision
from babel.support import Translations

from server.languages import DEFAULT, LOCALES

DOMAIN = "omnibus"
FOLDER = Path(__file__).parent
# Clocks of twelve hours are read wrong, and boards have none: hours and minutes as at every stop.
_CLOCK = "HH:mm"
_DAY = "yMMMEd"
_ISOLATE, _POP = "\u2068", "\u2069"


class Texts:
    """Everything that is written in one language."""

    def __init__(self, locale: str, catalogue: Catalog) -> None:
        self.locale = locale
        self._cldr = Locale.parse(locale)
        compiled = BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        self._comma = "، " if self.is_rtl else ", "
        self._translations = Translations(compiled, domain=DOMAIN)

    @property
    def is_rtl(self) -> bool:
        return self._cldr.text_direction == "rtl"

    def gettext(self, message: str, **values: object) -> str:
        """Return a sentence in this language, with the values in the places that their names stand at."""
        return self._fill(str(self._translations.gettext(message)), values)

    def ngettext(self, one: str, many: str, number: int, **values: object) -> str:
        """Return the form of a sentence that this language has for so many."""
        return self._fill(str(self._translations.ngettext(one, many, number)), values)

    def isolated(self, value: str) -> str:
        """Return words so that those around them do not turn them about: in Arabic, `1A` would be read as `A1`."""
        return f"{_ISOLATE}{value}{_POP}" if self.is_rtl else value

    def date(self, moment: datetime, time_zone: str) -> str:
        """Return the day that a moment falls on there: `Tue, Nov 24, 2026`."""
        there = ZoneInfo(time_zone)
        return str(format_skeleton(_DAY, moment, tzinfo=there, locale=self._cldr))

    def time(self, moment: datetime, time_zone: str) -> str:
        """Return what the clock shows there at that moment, of 24 hours in every language."""
        return str(format_time(moment, _CLOCK, tzinfo=ZoneInfo(time_zone), locale=self._cldr))

    def offset(self, moment: datetime, time_zone: str) -> str:
        """Return how far the clock there is from that of Greenwich: `GMT+01:00`."""
        there = moment.astimezone(ZoneInfo(time_zone))
        return str(get_timezone_gmt(there, width="long", locale=self._cldr))

    def money(self, amount: int, currency: str) -> str:
        """Return an amount, given in minor units, with the sign of its currency."""
        whole = Decimal(amount).scaleb(-get_currency_precision(currency))
        return str(format_currency(whole, currency, locale=self._cldr))

    def list(self, things: Iterable[str]) -> str:
        """Return things as one says them: `1A, 1B and 1C`."""
        return str(format_list([self.isolated(thing) for thing in things], locale=self._cldr))

    def joined(self, *things: str) -> str:
        """Return things side by side, each as it is read by itself: `Ann, adult, €20.50`."""
        return self._comma.join(map(self.isolated, things))

    def _fill(self, text: str, values: dict[str, object]) -> str:
        placed = {name: self.isolated(str(value)) for name, value in values.items()}
        return text.format(**placed) if placed else text


@cache
def texts(locale: str) -> Texts:
    """Return the texts of a language; of the first one where there are none in it."""
    known = locale if locale in LOCALES else DEFAULT
    return texts(known) if known != locale else Texts(known, read_catalogue(known))


def catalogue_path(locale: str) -> Path:
    return FOLDER / locale / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalogue(locale: str) -> Catalog:
    """Return a catalogue as it is in its file."""
    with catalogue_path(locale).open("rb") as file:
        return read_po(file, locale=locale, domain=DOMAIN)
