"""Ways to show a bus as it changes: a picture that is drawn anew, a picture and lines, lines of JSON."""

import json
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import quote

import msgspec
from rich.console import Console
from rich.live import Live

from realtime.client import News, Stopped, follow
from server.cli.seat_picture import Bus, Change, changes, height_of, picture

_ANSWER_SECONDS = 10.0
_LATEST = 5


class Unwatchable(Exception):
    """Why there is nothing to show, as a sentence."""


class Show(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...
    def take(self, news: News) -> None: ...


def load_bus(server: str, bus_id: str) -> Bus:
    """Ask the API for what does not change about a bus; raise Unwatchable."""
    url = f"{server}/api/v1/buses/{quote(bus_id, safe='')}"
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # nosec B310 # noqa: S310 - http or https, as was seen to
            return msgspec.json.decode(answer.read(), type=Bus)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                raise Unwatchable(f"there is no bus {bus_id} at {server}") from error
            raise Unwatchable(f"{server} answered {error.code} {error.reason}") from error
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise Unwatchable(
            f"cannot reach {server} ({getattr(reason, 'strerror', None) or reason}): is it running? `omnibus up` starts"
            " one here, --url names another"
        ) from error
    except msgspec.DecodeError as error:
        raise Unwatchable(f"what answers at {server} is no Omnibus") from error


async def run_show(show: Show, server: str, bus_id: str, *, is_once: bool) -> None:
    """Show a bus until cancelled, or once; raise Unwatchable when the server refuses for good."""
    socket = server.replace("http", "ws", 1) + "/ws"
    try:
        async with aclosing(follow(socket, bus_id)) as following:
            with show:
                async for news in following:
                    if is_once and news.known is None:
                        raise Unwatchable(f"{server} shows no seats: {news.reason}")
                    show.take(news)
                    if is_once:
                        return
    except Stopped as stopped:
        raise Unwatchable(f"{server} refuses: {stopped}") from stopped


def choose_show(bus: Bus, *, is_once: bool, is_json: bool) -> Show:
    """Return what suits the output."""
    if is_json:
        return JsonLines(bus.id)
    console = Console(highlight=False)
    if console.is_terminal and not is_once:
        return Screen(bus, console)
    return Lines(bus, console)


class _Watching:
    """What all shows keep: the seats as they were, and the latest changes."""

    def __init__(self) -> None:
        self.latest: deque[Change] = deque(maxlen=_LATEST)
        self._seats: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        pass

    def compare(self, news: News) -> list[Change]:
        """Return what has changed since the last news."""
        if news.known is None:
            return []
        now = datetime.now().astimezone()
        found = changes(self._seats, news.known.seats, now)
        self._seats = news.known.seats
        self.latest.extend(found)
        return found


class Screen(_Watching):
    """A terminal's: one picture, drawn anew. The last one stays when it ends."""

    def __init__(self, bus: Bus, console: Console) -> None:
        super().__init__()
        self._bus = bus
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._live.stop()

    def take(self, news: News) -> None:
        self.compare(news)
        # A picture that is higher than the window cannot be drawn over.
        room = max(0, self._live.console.height - height_of(self._bus))
        latest = list(self.latest)[-room:] if room else []
        self._live.update(picture(self._bus, news, latest), refresh=True)


class Lines(_Watching):
    """A picture at the start, then a line for every change: for pipes and files."""

    def __init__(self, bus: Bus, console: Console) -> None:
        super().__init__()
        self._bus = bus
        self._console = console
        self._has_drawn = False
        self._freshness = ""

    def take(self, news: News) -> None:
        found = self.compare(news)
        if not self._has_drawn and news.known is not None:
            self._has_drawn = True
            self._freshness = news.freshness
            self._console.print(picture(self._bus, news, []))
            return
        if news.freshness != self._freshness:
            self._freshness = news.freshness
            self._print(
                f"{datetime.now().astimezone():%H:%M:%S}  {news.freshness}  {news.reason}".rstrip()
            )
        for change in found:
            self._print(str(change))

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)
        self._console.file.flush()


class JsonLines(_Watching):
    """All seats with all their segments, a line for every change: for programs."""

    def __init__(self, bus_id: str) -> None:
        super().__init__()
        self._bus_id = bus_id

    def take(self, news: News) -> None:
        known = news.known
        line = {
            "bus": self._bus_id,
            "epoch": known and known.epoch,
            "rev": known and known.rev,
            "status": news.freshness,
            "seats": {} if known is None else dict(known.seats),
        }
        print(json.dumps(line), flush=True)
