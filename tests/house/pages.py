"""Style and types of `static/`, by the tools that package-lock.json pins; they are fetched when they are not there."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "node_modules" / ".bin"


def install() -> int:
    """Bring node_modules to what the lock file says, unless it is that already."""
    installed = ROOT / "node_modules" / ".package-lock.json"
    lock = ROOT / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return 0
    npm = shutil.which("npm")
    if npm is None:
        print("node_modules is missing or old, and there is no npm to fetch it")  # noqa: T201
        return 1
    # Not `npm ci`: it refuses when a registry lacks the tools' builds for some other platform. What comes is pinned by
    # the lock all the same, and nothing is written to it.
    return _run(npm, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund")


def main() -> int:
    """Run both tools, the second even when the first complains."""
    if code := install():
        return code
    codes = [
        _run(str(TOOLS / "biome"), "check", "."),
        _run(str(TOOLS / "tsc"), "--noEmit"),  # tsconfig.json says checkJs
    ]
    return max(codes)


def _run(*argv: str) -> int:
    return subprocess.run(argv, cwd=ROOT, check=False).returncode  # noqa: S603 - pinned tools


if __name__ == "__main__":
    sys.exit(main())
