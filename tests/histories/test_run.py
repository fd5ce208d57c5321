"""Real processes, real faults, one history; and that history broken, wherever chance breaks it."""

import json
import logging
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.histories.checker.bus import judge_bus
from tests.histories.checker.history import History
from tests.histories.injuries import INJURIES, copy
from tests.histories.nemesis import FAULTS, plan

log = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parents[2]
_ROUNDS = (18_400, 1_600)
"""Twenty thousand operations; the second round's history is short: it can be broken a thousand times in little time."""
_BREAKS = 1_000
_SEED = "OMNIBUS_TEST_HISTORY_SEED"

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]


@pytest.fixture
def seed() -> int:
    """The run's own, or the one that is to be repeated."""
    wanted = os.environ.get(_SEED)  # noqa: TID251 - the tests' own switch, not the server's
    chosen = int(wanted) if wanted else random.getrandbits(20)
    log.warning("seed %d: repeat with %s=%d", chosen, _SEED, chosen)
    return chosen


def test_sales_under_faults_are_linearizable_and_their_history_broken_anywhere_is_not(
    seed: int, tmp_path: Path
) -> None:
    proof = _prove(seed, tmp_path)
    assert proof["violations"] == []
    assert proof["operations"] >= sum(_ROUNDS)
    _check_that_faults_struck(proof)
    parts = History.load(tmp_path / "round-2").split()
    chance = random.Random(seed)
    for number in range(_BREAKS):
        _check_that_an_injury_is_found(chance.choice(parts), number, chance)


def _prove(seed: int, folder: Path) -> dict[str, Any]:
    """Run `make prove` for a little while, as anybody would."""
    figures = folder / "figures.json"
    options = {
        "--operations": sum(_ROUNDS),
        "--round-size": _ROUNDS[0],
        "--seed": seed,
        "--keep": folder,
        "--report": folder / "proof.md",
        "--json": figures,
    }
    argv = [str(word) for option in options.items() for word in option]
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "tests.histories.prove", *argv],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in {0, 1}, ran.stdout[-4_000:] + ran.stderr[-4_000:]
    proof: dict[str, Any] = json.loads(figures.read_bytes())
    log.info("%s", (folder / "proof.md").read_text(encoding="utf-8"))
    return proof


def _check_that_faults_struck(proof: dict[str, Any]) -> None:
    """What was planned has happened, and connections were cut on both sides of commits."""
    for fault in FAULTS:
        assert proof["strikes"][fault] >= len(_ROUNDS), fault
    forms = proof["commits"]
    for fault in ("cut_before", "cut_after", "late"):
        assert sum(count for form, count in forms.items() if form.endswith(fault)) > 0, fault
    assert proof["counts"]["operations: unknown"] > 0
    assert proof["counts"]["states watched"] > 0


def _check_that_an_injury_is_found(part: History, number: int, chance: random.Random) -> None:
    broken = copy(part)
    injury = INJURIES[number % len(INJURIES)]
    if injury(broken, chance):
        assert not judge_bus(broken).is_right, injury.__name__


def test_a_seed_brings_the_same_faults_at_the_same_points() -> None:
    assert plan(7, 20_000, 3) == plan(7, 20_000, 3)
    assert plan(7, 20_000, 3) != plan(8, 20_000, 3)


def test_every_fault_is_planned_however_short_the_run_is() -> None:
    assert {strike.fault for strike in plan(7, 100, 3)} == set(FAULTS)
