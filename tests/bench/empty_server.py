"""The least that Starlette and uvicorn do for a request: run as `python -m tests.bench.empty_server PORT`."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def _nothing(_request: Request) -> Response:
    return Response(b"")


if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[Route("/", _nothing)]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
