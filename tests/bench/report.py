"""How figures are kept and shown: medians of interleaved rounds, every ratio against a baseline of the same run."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Round = Mapping[str, float]
"""What one round of one subject measured, by the name of the figure."""


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
class Section:
    """One question, its subjects and what follows from them."""

    letter: str
    title: str
    subjects: Sequence[Subject]
    ratios: Sequence[Ratio] = ()
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
            "notes": list(self.notes),
        }


def show(section: Section, console: Console) -> None:
    table = Table(title=f"({section.letter}) {section.title}", title_justify="left")
    table.add_column("median of rounds")
    figures = list(section.subjects[0].rounds[0])
    for figure in figures:
        table.add_column(figure, justify="right")
    for subject in section.subjects:
        medians = subject.medians()
        table.add_row(subject.name, *(_number(medians[figure]) for figure in figures))
    console.print(table)
    for ratio in section.ratios:
        console.print(
            f"  {ratio.figure}: {ratio.of.name} = [bold]{ratio.value:.2f}[/bold] of {ratio.to.name}"
            f"  (wanted: {ratio.wanted})"
        )
    for note in section.notes:
        console.print(f"  {note}")
    console.print()


def write(path: Path, machine: Mapping[str, object], sections: Sequence[Section]) -> None:
    """Write everything measured as JSON."""
    document = {"machine": machine, "sections": {each.letter: each.data() for each in sections}}
    path.write_text(json.dumps(document, indent=2) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
