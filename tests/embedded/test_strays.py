import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from server.embedded.strays import _by_lsof, _by_procfs, end_processes, processes_in
from tests.support.servers import ThrowawayPostgres


def test_both_ways_of_looking_find_the_same_processes() -> None:
    if shutil.which("lsof") is None or not Path("/proc/self/cwd").exists():
        pytest.skip("needs lsof and /proc")
    with ThrowawayPostgres() as server, ThrowawayPostgres() as other:
        cluster = server.folder / "postgres"
        found = set(_by_procfs(cluster))
        assert server.pid in found
        assert other.pid not in found
        assert set(_by_lsof(cluster)) == found


def test_a_process_of_another_kind_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    """Somebody's shell, say, whose owner looks around there."""
    with subprocess.Popen(["/bin/sleep", "1000"], cwd=tmp_path) as stranger:
        try:
            assert processes_in(tmp_path) == []
            end_processes([stranger.pid], signal.SIGKILL, tmp_path, 1.0)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_folder_that_is_not_there_has_no_processes(tmp_path: Path) -> None:
    assert processes_in(tmp_path / "nothing") == []
