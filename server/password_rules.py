"""Which passwords are too easy to guess, by rules instead of a list of leaked ones.

Lists of the most used passwords consist of few ideas: one thing repeated, a run along the alphabet or the keyboard, a
notorious word with figures around it, the owner's own name. The ideas are checked here, and so is every figure that one
puts behind them. Nothing is asked of how a password is composed.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujmikolp",
)
_RUN_LENGTH = 3
_OWN_LENGTH = 4
_REST_LENGTH = 4
_LEET = str.maketrans("013457$@!8", "oleastsaib")
_ENDS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_NOTORIOUS = frozenset(
    Path(__file__).with_name("notorious.txt").read_text(encoding="utf-8").split()
)


def fault_of(password: str, *, own: Iterable[str] = ()) -> str | None:
    """Return what makes a password too easy to guess, or None; `own` is what others know of its owner."""
    text = unicodedata.normalize("NFKC", password).casefold()
    if _is_repetition(text):
        return "this is one thing repeated"
    if _is_made_of_runs(text):
        return "this is a run along the alphabet, the digits or the keyboard"
    if _is_notorious(text):
        return "this is among the first passwords that anybody tries"
    if _is_own(text, own):
        return "this is little more than your own name or e-mail address"
    return None


def _is_repetition(text: str) -> bool:
    """Whether a text is a few characters again and again, the last time perhaps in part."""
    return (
        any(text == (text[:length] * len(text))[: len(text)] for length in range(1, 5))
        or len(set(text)) <= 2
    )


def _is_made_of_runs(text: str) -> bool:
    """Whether a text falls into runs of three or more, forwards or backwards."""
    reached = {0}
    for start in range(len(text)):
        if start in reached:
            reached |= {
                end for end in range(start + _RUN_LENGTH, len(text) + 1) if _is_run(text[start:end])
            }
    return len(text) in reached


def _is_run(part: str) -> bool:
    return any(part in run or part[::-1] in run for run in _RUNS) or len(set(part)) == 1


def _is_notorious(text: str) -> bool:
    """Whether a notorious word is all there is but for what stands around it, figures for letters included."""
    core, spelt = _ENDS.sub("", text), text.translate(_LEET)
    bare = {core, core.translate(_LEET), spelt, _ENDS.sub("", spelt)}
    return any(word in _NOTORIOUS or _is_doubled(word) for word in bare if word)


def _is_doubled(word: str) -> bool:
    half = word[: len(word) // 2]
    return word == half * 2 and half in _NOTORIOUS


def _is_own(text: str, own: Iterable[str]) -> bool:
    """Whether less than four characters are left without the words of the owner."""
    rest = text
    for word in sorted(_words(own), key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != text and len(re.sub(r"[\W\d_]", "", rest)) < _REST_LENGTH


def _words(own: Iterable[str]) -> set[str]:
    words: set[str] = set()
    for each in own:
        folded = unicodedata.normalize("NFKC", each).casefold()
        local = folded.partition("@")[0]
        words |= {folded, local, re.sub(r"[\W_]+", "", local), *re.split(r"[\W_]+", local)}
    return {word for word in words if len(word) >= _OWN_LENGTH}
