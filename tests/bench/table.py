"""The README's table of figures, made from what the bench wrote: `python -m tests.bench.table`.

`make bench BENCH_JSON=docs/figures.json` measures; this puts the medians where readers see them, so that no figure
there is typed by hand. `make check` compares.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "figures.json"
README = ROOT / "README.md"
_PLACE = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)


def with_figures(readme: str, figures: str) -> str:
    """Return the README with the table that these figures make."""
    return _PLACE.sub(lambda _: _table(json.loads(figures)), readme)


def _table(document: Mapping[str, Any]) -> str:
    lines = [
        "| measured | Omnibus | beside it | ratio | wanted |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for section in document["sections"].values():
        lines += [_ratio(section, each) for each in section["ratios"]]
        lines += [_bound(section, each) for each in section.get("bounds", ())]
        if not section["ratios"] and not section.get("bounds"):
            lines += [_plain(section, name) for name in section["subjects"]]
    cores, rounds = document["machine"]["cores"], _rounds(document)
    lines += [
        "",
        f"Medians of {rounds} interleaved rounds on {cores} cores, client included. Each row is of one run.",
        "",
    ]
    return "\n".join(lines)


def _ratio(section: Mapping[str, Any], ratio: Mapping[str, Any]) -> str:
    mine, theirs = (
        _told(section["subjects"][ratio[name]]["median"][ratio["figure"]], ratio["figure"])
        for name in ("of", "to")
    )
    return (
        f"| {_what(section, ratio)} | {mine} | {ratio['to']}: {theirs} | {ratio['value']:.2f}"
        f" | {ratio['wanted']} |"
    )


def _bound(section: Mapping[str, Any], bound: Mapping[str, Any]) -> str:
    value = _told(bound["value"], bound["figure"])
    return f"| {_what(section, bound)} | {value} | | | {bound['wanted']} |"


def _plain(section: Mapping[str, Any], name: str) -> str:
    median = section["subjects"][name]["median"]
    told = ", ".join(
        f"{figure.removesuffix(' ms')} {median[figure]:.1f} ms"
        for figure in median
        if " ms" in figure
    )
    return f"| {name} | {told} | | | |"


def _what(section: Mapping[str, Any], claim: Mapping[str, Any]) -> str:
    """Return what is claimed; the figure is named unless the title says it already."""
    figure = claim["figure"]
    named = "" if figure in {"per second", "µs each"} else f", {figure.removesuffix(_unit(figure))}"
    return f"{section['title']}: {claim['of']}{named}"


def _told(value: float, figure: str) -> str:
    number = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"
    return number + _unit(figure)


def _unit(figure: str) -> str:
    if figure == "per second":
        return "/s"
    return next(
        (unit for unit in (" ms", " µs", " s", " KiB", " %") if unit.strip() in figure.split()), ""
    )


def _rounds(document: Mapping[str, Any]) -> int:
    return min(
        len(subject["rounds"])
        for section in document["sections"].values()
        for subject in section["subjects"].values()
    )


if __name__ == "__main__":
    README.write_text(with_figures(README.read_text(), FIGURES.read_text()))
