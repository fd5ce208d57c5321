"""What is written twice must agree: generated documents, figures, versions, links, numbers of decisions.

`python -m tests.house.drift --write` writes the generated documents anew.
"""

import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from server.app import asyncapi_document, openapi_document
from server.config import SETTINGS
from server.nginx import for_containers
from server.policies import POLICIES, WHOSE
from tests.bench.capacity import capacity_page
from tests.bench.table import with_figures

ROOT = Path(__file__).parents[2]
_REWRITE = "python -m tests.house.drift --write"
_RELEASE = re.compile(r"^## \[?(\d+\.\d+\.\d+)\b", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
_CODE = re.compile(r"^(`{3,}).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_FOLDERS = ("deploy", "docs", "realtime", "server", "store", "tests")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)

_POLICIES = re.compile(r"(<!-- policies -->\n(?:\|.*\n){2})(?:\|.*\n)*(<!-- /policies -->)")

_SETTINGS_HEAD = """\
# Settings

Generated from `server/config.py`. All are optional. A wrong value, or an `OMNIBUS_` variable that is not listed here,
stops the start with one message that names every fault. Each may come from a file instead: with
`OMNIBUS_DATABASE_URL_FILE=/run/secrets/database` the file's text counts. Secrets (🔒) are never logged or shown.

| variable | default | meaning |
| --- | --- | --- |
"""


def settings_table() -> bytes:
    rows = (
        f"| `{setting.variable}`{' 🔒' if setting.is_secret else ''} | {setting.default} | {setting.meaning} |\n"
        for setting in SETTINGS
    )
    return (_SETTINGS_HEAD + "".join(rows)).encode()


GENERATED: Mapping[str, Callable[[], bytes]] = {
    "deploy/nginx.conf": for_containers,
    "docs/asyncapi.json": asyncapi_document,
    "docs/capacity.md": capacity_page,
    "docs/openapi.json": openapi_document,
    "docs/settings.md": settings_table,
}


def stale_documents(root: Path) -> Iterator[str]:
    for name, make in GENERATED.items():
        path = root / name
        if not path.exists() or path.read_bytes() != make():
            yield f"{name} is not what the code makes: run `{_REWRITE}`"


def differing_versions(root: Path) -> Iterator[str]:
    """Yield a fault when the newest release in the changelog is not the version we build."""
    built = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    released = _RELEASE.search((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    # Before the first release there is nothing to agree with.
    if released and released[1] != built["version"]:
        yield f"CHANGELOG.md's newest is {released[1]}, pyproject.toml says {built['version']}"


def retyped_figures(root: Path) -> Iterator[str]:
    """Yield a fault when the README's table is not the one that the last bench makes."""
    readme, figures = root / "README.md", root / "docs" / "figures.json"
    if readme.exists() and figures.exists():
        text = readme.read_text(encoding="utf-8")
        if with_figures(text, figures.read_text(encoding="utf-8")) != text:
            yield "README.md's figures are not those of docs/figures.json: run `python -m tests.bench.table`"


def retyped_policies(root: Path) -> Iterator[str]:
    """Yield a fault when the table of docs/limits.md is not that of `server/policies.py`."""
    page = root / "docs" / "limits.md"
    if page.exists():
        text = page.read_text(encoding="utf-8")
        if with_policies(text) != text:
            yield f"docs/limits.md's policies are not those of the code: run `{_REWRITE}`"


def with_policies(text: str) -> str:
    """Return the page with the table as the code has it."""
    rows = (
        f"| `{policy.name}` | {policy.counts} | {WHOSE[policy.whose]} | {policy.burst} "
        f"| {_per(policy.burst, policy.window_seconds)} |\n"
        for policy in POLICIES
    )
    return _POLICIES.sub(lambda found: found[1] + "".join(rows) + found[2], text)


def _per(burst: int, window_seconds: int) -> str:
    """Say how fast a burst comes back, in the largest unit that makes a whole number of it."""
    for unit, seconds in (("second", 1), ("minute", 60), ("hour", 3600)):
        count, rest = divmod(burst * seconds, window_seconds)
        if count and not rest:
            return f"{count} {'an' if unit == 'hour' else 'a'} {unit}"
    return f"{burst} in {window_seconds} s"


def dead_links(root: Path) -> Iterator[str]:
    for page in _pages(root):
        text = _CODE.sub("", page.read_text(encoding="utf-8"))
        for found in _LINK.finditer(text):
            target = unquote(found[1] or found[2]).partition("#")[0]
            if not target or _ELSEWHERE.match(target):
                continue
            base = root if target.startswith("/") else page.parent
            if not (base / target.lstrip("/")).exists():
                yield f"{page.relative_to(root)} links to {target}, which is not there"


def misnumbered_decisions(root: Path) -> Iterator[str]:
    names = sorted(path.name for path in (root / "docs" / "adr").glob("*.md"))
    for expected, name in enumerate(names, start=1):
        if not name.startswith(f"{expected:04}-"):
            yield f"docs/adr: number {expected:04} is missing or given twice (found {name})"
            return
        title = (root / "docs" / "adr" / name).read_text(encoding="utf-8").partition("\n")[0]
        if not title.startswith(f"# {expected}. "):
            yield f"docs/adr/{name} is headed `{title}`, not `# {expected}. ...`"


def find_drift(root: Path = ROOT) -> list[str]:
    """Return every disagreement, a sentence each."""
    checks = (
        stale_documents,
        differing_versions,
        retyped_figures,
        retyped_policies,
        dead_links,
        misnumbered_decisions,
    )
    return [fault for check in checks for fault in check(root)]


def _pages(root: Path) -> list[Path]:
    """Return the Markdown files that are ours."""
    ours = [page for folder in _FOLDERS for page in (root / folder).rglob("*.md")]
    return sorted([*root.glob("*.md"), *ours])


def main() -> int:
    if sys.argv[1:] == ["--write"]:
        for name, make in GENERATED.items():
            (ROOT / name).write_bytes(make())
            print(f"wrote {name}")  # noqa: T201 - what the person at the terminal reads
        page = ROOT / "docs" / "limits.md"
        page.write_text(with_policies(page.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    faults = find_drift()
    print("\n".join(faults) or "no drift")  # noqa: T201 - the same
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
