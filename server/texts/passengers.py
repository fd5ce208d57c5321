"""What kinds of passengers are called."""

from server.texts import Texts


def category_of(t: Texts, category: str) -> str:
    """Return what a passenger's category is called; one that an operator made up is called what it is."""
    known = {
        "adult": t.gettext("adult"),
        "child": t.gettext("child"),
        "senior": t.gettext("senior"),
        "student": t.gettext("student"),
    }
    return known.get(category, category)
