"""The page on capacity is arithmetic: what goes in comes out, and nothing else."""

import json

import pytest

from tests.bench.capacity import FIGURES, Load, Measured, capacity_page, carried_by, need_of

COSTS = Measured.of(json.loads(FIGURES.read_text(encoding="utf-8")))


@pytest.mark.parametrize("machines", [1, 10, 100])
def test_what_machines_carry_needs_just_these_machines(machines: int) -> None:
    load = carried_by(machines, COSTS)
    assert need_of(load, COSTS).machines == pytest.approx(machines)


def test_twice_the_load_needs_twice_of_everything() -> None:
    once, twice = need_of(Load(100, 1_000), COSTS), need_of(Load(200, 2_000), COSTS)
    assert twice.cores == pytest.approx(2 * once.cores)
    assert twice.memory_gib == pytest.approx(2 * once.memory_gib)
    assert twice.storm == pytest.approx(2 * once.storm)


def test_watchers_alone_are_bound_by_memory() -> None:
    need = need_of(Load(0, 10_000_000), COSTS)
    assert need.api == need.postgres == need.deliveries == 0
    assert need.machines > need.cores / 16 / 0.6


def test_the_page_has_no_gap_left() -> None:
    text = capacity_page().decode()
    assert "{" not in text
    assert "10 million watch" in text
