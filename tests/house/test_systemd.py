"""deploy/systemd: what systemd itself says of the units, and whether they run what exists, as whoever may do little."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from server.config import SETTINGS
from tests.cli.commands import omnibus

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
_EXPOSURE = "20"
"""Of 100; a unit without a word about rights has 96."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as on a machine of ours, but for the program, which is nowhere here."""
    for unit in FOLDER.iterdir():
        text = unit.read_text().replace("/opt/omnibus/bin/omnibus", "/bin/true")
        (tmp_path / unit.name.replace("@.", "@8001.")).write_text(text)
        (tmp_path / unit.name).write_text(text)
    return tmp_path


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_systemd_takes_every_unit(installed: Path) -> None:
    units = sorted(path for path in installed.iterdir() if "@." not in path.name)
    ran = subprocess.run(  # noqa: S603 - systemd's own check
        [str(ANALYZE), "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", ["omnibus-api@8001", "omnibus-worker", "omnibus-migrate"])
def test_a_unit_may_do_little(installed: Path, name: str) -> None:
    judged = ("security", "--offline=true", f"--threshold={_EXPOSURE}", "--no-pager")
    ran = subprocess.run(  # noqa: S603 - systemd's own check
        [str(ANALYZE), *judged, str(installed / f"{name}.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout.splitlines()[-1:]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.stem)
def test_a_unit_runs_a_command_of_ours_with_settings_of_ours(unit: Path) -> None:
    text = unit.read_text()
    (command,) = re.findall(r"^ExecStart=/opt/omnibus/bin/omnibus (.+)$", text, re.MULTILINE)
    assert omnibus(*command.split(), "--help").code == 0
    assert set(re.findall(r"\b(OMNIBUS_\w+)=", text)) <= {each.variable for each in SETTINGS}
    assert re.search(r"^User=(?!root)", text, re.MULTILINE)
    if "Type=oneshot" not in text:
        # Longer than a process takes to leave: sockets, requests, then its connections.
        (patience,) = re.findall(r"^TimeoutStopSec=(\d+)s$", text, re.MULTILINE)
        assert int(patience) >= 15


def test_the_target_has_a_process_at_each_port_of_the_docs_and_a_worker() -> None:
    (wanted,) = re.findall(r"^Wants=(.+)$", (FOLDER / "omnibus.target").read_text(), re.MULTILINE)
    ports = re.findall(r"omnibus-api@(\d+)\.service", wanted)
    assert ports == ["8001", "8002", "8003"]
    for name in set(re.sub(r"@\d+", "@", wanted).split()):
        assert (FOLDER / name).is_file()
