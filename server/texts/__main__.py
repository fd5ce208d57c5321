"""`python -m server.texts` (or `make texts`): find every text of the code, and bring the catalogues up to date with it.

What is new is added without a translation, what nobody says any more is removed. Then look for `msgstr ""` in the
catalogues, translate, and run it again: it ends with how much is left to do. `--check` changes nothing, and its exit
code is 1 when a catalogue is behind the code or not whole.
"""

import sys
from copy import deepcopy
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from server.languages import DEFAULT, LOCALES
from server.texts import DOMAIN, FOLDER, catalogue_path, read_catalogue
from server.texts.faults import faults_of

_SOURCES = FOLDER.parent
_SPOKEN = {"gettext": None, "ngettext": (1, 2)}
_WIDTH = 110
# Who and when is what the history of the repository knows.
_HEAD = """\
# Omnibus in {name}. `make texts` keeps this file in step with the code; translate every empty msgstr.
msgid ""
msgstr ""
"Language: {locale}\\n"
"Plural-Forms: {forms}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def main() -> int:
    """Update all catalogues, or check them; print what is left to do."""
    may_write = "--check" not in sys.argv[1:]
    spoken = extract()
    left: list[str] = []
    for locale in LOCALES:
        catalogue = updated(locale, spoken)
        text = written(catalogue)
        path = catalogue_path(locale)
        if may_write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        elif not path.exists() or path.read_bytes() != text:
            left.append(f"{locale}: behind the code; run `make texts`")
        left += [f"{locale}: {fault}" for fault in faults_of(catalogue, spoken)]
    print("\n".join(left) or f"{len(spoken)} texts, whole in {', '.join(LOCALES)}")  # noqa: T201 - what it is run for
    return 1 if left else 0


def extract() -> Catalog:
    """Return every text that the code says, in the order of its files."""
    found = Catalog(domain=DOMAIN)
    for name, line, message, comments, context in extract_from_dir(
        str(_SOURCES), [("**.py", "python")], keywords=_SPOKEN, comment_tags=("Translators:",)
    ):
        # Lines move with every change of the code: files are enough to find a text by.
        _ = line
        found.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return found


def updated(locale: str, spoken: Catalog) -> Catalog:
    """Return a catalogue with exactly the texts of the code; in the language of the code they are their own."""
    path = catalogue_path(locale)
    known = read_catalogue(locale) if path.exists() else Catalog(locale, domain=DOMAIN)
    # A text that is only like another one is another text. New ones are taken as they are: nobody else may have them.
    known.update(deepcopy(spoken), no_fuzzy_matching=True)
    known.obsolete.clear()
    if locale == DEFAULT:
        for message in known:
            if message.id:
                message.string = message.id
    return known


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as its file has it: the same texts are the same bytes, whenever they are written."""
    buffer = BytesIO()
    assert catalogue.locale is not None, "a catalogue is in a language"
    head = _HEAD.format(
        name=catalogue.locale.english_name, locale=catalogue.locale, forms=catalogue.plural_forms
    )
    buffer.write(head.encode())
    write_po(buffer, catalogue, width=_WIDTH, omit_header=True, include_lineno=False)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
