"""What Node and its tools say; they are for those who have them, Omnibus runs without."""

import asyncio
import shutil

import pytest

from server.assets import FOLDER

ROOT = FOLDER.parent
_NODE = shutil.which("node")
needs_node = pytest.mark.skipif(_NODE is None, reason="needs Node 20 or newer")
needs_tools = pytest.mark.skipif(
    not (ROOT / "node_modules").is_dir(), reason="needs `npm ci --ignore-scripts`"
)


async def run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-4000:]


@needs_node
async def test_the_pure_modules_keep_their_promises() -> None:
    tests = sorted(str(path) for path in (ROOT / "tests/web").glob("*.test.mjs"))
    assert _NODE is not None
    await run(_NODE, "--test", *tests)


@needs_node
@needs_tools
@pytest.mark.parametrize("tool", [("tsc", "--noEmit"), ("biome", "check", ".")], ids=lambda t: t[0])
async def test_types_and_style_are_clean(tool: tuple[str, ...]) -> None:
    await run(str(ROOT / "node_modules/.bin" / tool[0]), *tool[1:])
