"""How figures are kept and shown: medians of interleaved rounds, every ratio against a baseline of the same run."""

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Round = Mapping[str, float]
"""What one round of one subject measured, by the name of the figure."""
_FIGURES_IN_A_ROW = 9
_BOUND = re.compile(r"([≤≥=]) ([\d,.]+)")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something measured round by round: Omnibus, or what it is compared with."""

    name: str
    rounds: list[Round] = field(default_factory=list)

    def median(self, figure: str) -> float:
        return statistics.median(each[figure] for each in self.rounds)

    def medians(self) -> dict[str, float]:
        return {figure: self.median(figure) for figure in self.rounds[0]}


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure of Omnibus over the same figure of a baseline."""

    figure: str
    of: Subject
    to: Subject
    wanted: str

    @property
    def value(self) -> float:
        """The median of the rounds' own ratios: neighbours in time share the machine's mood."""
        pairs = zip(self.of.rounds, self.to.rounds, strict=True)
        return statistics.median(mine[self.figure] / theirs[self.figure] for mine, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Bound:
    """One figure of Omnibus that has a limit of its own."""

    figure: str
    of: Subject
    wanted: str

    @property
    def value(self) -> float:
        return self.of.median(self.figure)


@dataclass(frozen=True, slots=True)
class Section:
    """One question, its subjects and what follows from them."""

    letter: str
    title: str
    subjects: Sequence[Subject]
    ratios: Sequence[Ratio] = ()
    bounds: Sequence[Bound] = ()
    notes: Sequence[str] = ()

    def data(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "subjects": {
                each.name: {"median": each.medians(), "rounds": list(each.rounds)}
                for each in self.subjects
            },
            "ratios": [
                {
                    "figure": each.figure,
                    "of": each.of.name,
                    "to": each.to.name,
                    "value": round(each.value, 3),
                    "wanted": each.wanted,
                }
                for each in self.ratios
            ],
            "bounds": [
                {
                    "figure": each.figure,
                    "of": each.of.name,
                    "value": round(each.value, 3),
                    "wanted": each.wanted,
                }
                for each in self.bounds
            ],
            "notes": list(self.notes),
        }


def is_kept(value: float, wanted: str) -> bool | None:
    """Whether a figure is what was wanted of it; None where that is no bound but a direction."""
    bound = _BOUND.match(wanted)
    if bound is None:
        return None
    limit = float(bound[2].replace(",", ""))
    return {"≤": value <= limit, "≥": value >= limit, "=": value == limit}[bound[1]]


def show(section: Section, console: Console) -> None:
    console.print(_tabulate(section))
    for ratio in section.ratios:
        said = (
            f"{ratio.figure}: {ratio.of.name} = [bold]{ratio.value:.2f}[/bold] of {ratio.to.name}"
        )
        console.print(f"  {said}  {_verdict(ratio.value, ratio.wanted)}")
    for bound in section.bounds:
        said = f"{bound.figure}: {bound.of.name} = [bold]{_number(bound.value)}[/bold]"
        console.print(f"  {said}  {_verdict(bound.value, bound.wanted)}")
    for note in section.notes:
        console.print(f"  {note}")
    console.print()


def _tabulate(section: Section) -> Table:
    """Return a row for each subject, or, where there is more to say of each than fits in one, a column."""
    figures = list(dict.fromkeys(name for each in section.subjects for name in each.rounds[0]))
    medians = [(each.name, each.medians()) for each in section.subjects]
    cells = [
        [name, *(_number(found[figure]) if figure in found else "" for figure in figures)]
        for name, found in medians
    ]
    head = ["median of rounds", *figures]
    if len(figures) > _FIGURES_IN_A_ROW:
        (head, *cells) = (list(column) for column in zip(head, *cells, strict=True))
    table = Table(title=f"({section.letter}) {section.title}", title_justify="left")
    for place, name in enumerate(head):
        table.add_column(name, justify="right" if place else "left")
    for row in cells:
        table.add_row(*row)
    return table


def write(path: Path, machine: Mapping[str, object], sections: Sequence[Section]) -> None:
    """Write everything measured as JSON."""
    document = {"machine": machine, "sections": {each.letter: each.data() for each in sections}}
    path.write_text(json.dumps(document, indent=2) + "\n")


def _verdict(value: float, wanted: str) -> str:
    words = {True: ", [green]kept[/green]", False: ", [red]missed[/red]", None: ""}
    return f"(wanted: {wanted}{words[is_kept(value, wanted)]})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
