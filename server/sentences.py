"""The files of sentences, `static/i18n`, as text: whatever a language does not say yet, its pages say in English.

That is for the days between a new English sentence and its translations; `tests/web/messages.test.mjs` names each.
"""

import re

# One entry of the object: from its key, which stands two spaces in, to the next key or to the end.
_ENTRY = re.compile(
    rb"""^  (?:"(?P<quoted>[^"]+)"|(?P<bare>[A-Za-z_]\w*)):.*?(?=^  (?:"|[A-Za-z_]|//)|^\};)""",
    re.MULTILINE | re.DOTALL,
)
_END = b"};"


def entries(module: bytes) -> dict[bytes, bytes]:
    """Return the entries of a file of sentences by their keys, each as it is written there."""
    return {found["quoted"] or found["bare"]: found[0] for found in _ENTRY.finditer(module)}


def completed(own: bytes, english: bytes) -> bytes:
    """Return a language's file with the English entries that it lacks."""
    known = entries(own)
    missing = [text for key, text in entries(english).items() if key not in known]
    head, end, tail = own.rpartition(_END)
    return head + b"".join(missing) + end + tail if missing else own
