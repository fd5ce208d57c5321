"""What is wrong with a catalogue: what a reader would stumble over, told before anybody reads it."""

import re
from collections.abc import Iterator
from string import Formatter
from typing import Any

from babel.messages.catalog import Catalog, Message

_INVISIBLE = re.compile(r"[\u200b\u202a-\u202e\u2066-\u2069\ufeff]")


def faults_of(catalogue: Catalog, spoken: Catalog) -> Iterator[str]:
    """Yield a line for each text that is missing, unsure, lacks a form, or has other places for values."""
    for message in spoken:
        if not message.id:
            continue
        found = catalogue.get(message.id, message.context)
        if found is None:
            yield f"not in the catalogue: {_told(message)}"
        else:
            yield from _faults(found, catalogue.num_plurals)
    if catalogue.obsolete:
        yield f"{len(catalogue.obsolete)} texts that nobody says any more"


def _faults(message: Message, forms: int) -> Iterator[str]:
    strings, ids = _forms(message.string), _forms(message.id)
    if message.fuzzy:
        yield f"fuzzy: {_told(message)}"
    if not all(strings):
        yield f"not translated: {_told(message)}"
        return
    if message.pluralizable and len(strings) != forms:
        yield f"{len(strings)} plural forms of {forms}: {_told(message)}"
    places = {place for each in ids for place in _places(each)}
    for text in strings:
        if set(_places(text)) != places:
            yield f"other places for values: {_told(message)}"
        if _INVISIBLE.search(text):
            yield f"invisible characters: {_told(message)}"
        if text != text.strip():
            yield f"space at an end: {_told(message)}"


def _forms(text: Any) -> tuple[str, ...]:
    """Return every form of a text, be it of one or of several."""
    return tuple(text) if isinstance(text, tuple | list) else (text or "",)


def _places(text: str) -> Iterator[str]:
    for _, name, spec, conversion in Formatter().parse(text):
        if name is not None:
            yield f"{name}{conversion or ''}{spec or ''}"


def _told(message: Message) -> str:
    return repr(_forms(message.id)[0])
