"""`make check`: everything that can be said about the code without running it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
_CODE = ("server", "realtime", "store")


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    argv: Sequence[str]


def _ours(tool: str, *arguments: str) -> tuple[str, ...]:
    return (str(BIN / tool), *arguments)


def steps() -> list[Step]:
    """Return what is asked, roughly the longest first: most of them keep one core busy, and one core only."""
    migrations = sorted(str(path) for path in (ROOT / "store" / "migrations").glob("*.sql"))
    found = [
        Step("types", _ours("mypy")),
        Step("SQL", _ours("sqlfluff", "lint", "--disable-progress-bar", "store")),
        Step("security", _ours("bandit", "-q", "-c", "pyproject.toml", "-r", *_CODE)),
        Step("documents", (sys.executable, "-m", "tests.house.drift")),
        Step("imports", _ours("lint-imports")),
        Step("dependencies", _ours("deptry", ".")),
        Step("house rules", (sys.executable, "-m", "tests.house.rules")),
        Step("spelling", _ours("codespell", "--toml", "pyproject.toml")),
        Step("migrations", _ours("squawk", "--config", ".squawk.toml", *migrations)),
        Step("image", _ours("hadolint", "deploy/Dockerfile")),
        Step("lint", _ours("ruff", "check", ".")),
        Step("format", _ours("ruff", "format", "--check", ".")),
    ]
    if shutil.which("node"):
        found.insert(2, Step("pages", (sys.executable, "-m", "tests.house.pages")))
    return found


def main() -> int:
    """Run every step, as many at a time as there are cores; say which failed, and show what those said."""
    failed: list[str] = []
    asked = steps()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for step, ran in zip(asked, pool.map(_run, asked), strict=True):
            print(f"{'ok  ' if ran.returncode == 0 else 'FAIL'}  {step.name}", flush=True)  # noqa: T201
            if ran.returncode != 0:
                failed.append(step.name)
                print(ran.stdout + ran.stderr, flush=True)  # noqa: T201
    if not shutil.which("node"):
        print("skip  pages (no Node.js here)")  # noqa: T201
    print(f"check: {len(failed)} failed" if failed else "check: all good")  # noqa: T201
    return 1 if failed else 0


def _run(step: Step) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own tools
        step.argv, cwd=ROOT, capture_output=True, text=True, check=False, env=_environment()
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}  # noqa: TID251 - handed on


if __name__ == "__main__":
    sys.exit(main())
