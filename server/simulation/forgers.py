"""People who would rather not wait: with tokens they made up, changed, copied, or have no right to yet."""

import base64
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from server.simulation.exchange import Answer
from server.simulation.hall import Hall, Loot, Turn
from server.simulation.rush import Kind, Visitor
from server.simulation.stage import Stage
from server.simulation.visit import Guest, ask_until_sure

_TOKEN_BYTES = 69
_MADE_UP = 20
_CHANGED_EVERY = 3
"""Letters apart: each is a request of a buyer who may ask for 120 at once."""
_REFUSED = frozenset({"waiting_room", "not_your_turn"})


@dataclass(slots=True)
class Forgers:
    """`tried` and `refused` by what was tried; whatever else came of it is a wrong in the journal."""

    hall: Hall
    stage: Stage
    dice: random.Random
    first_number: int
    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    async def play(self) -> None:
        """Try everything, with the things of somebody who came in."""
        victim, bus = self.hall.loot[0], self.stage.buses[0]
        await self._hold(self._somebody(), None, bus, "no token at all")
        for _ in range(_MADE_UP):
            made_up = base64.urlsafe_b64encode(self.dice.randbytes(_TOKEN_BYTES)).decode()
            await self._hold(self._somebody(), made_up, bus, "an admission made up")
            await self._enter(self._somebody(), made_up, "a place made up")
        owner = self._guest(victim.visitor, victim.cookies)
        for at in range(0, len(victim.admission), _CHANGED_EVERY):
            changed = _change(victim.admission, at)
            await self._hold(owner, changed, bus, "a good admission, one letter changed")
            await self._enter(owner, _change(victim.place_token, at), "a place, one letter changed")
        await self._hold(owner, victim.place_token, bus, "a place as an admission")
        for loot in self.hall.loot:
            await self._hold(self._somebody(), loot.admission, bus, "another one's admission")
            await self._enter(self._somebody(), loot.place_token, "another one's place")
        await self._from_another_room(bus)
        await self._before_the_turn()
        await self._once_more(owner, victim)

    async def _from_another_room(self, bus: str) -> None:
        thief = self._somebody()
        path = f"/rooms/{self.stage.decoy_room}"
        place = await thief.ask("forger's place", "POST", f"{path}/places", {})
        body = {"token": place.document.get("token", "")}
        entered = await thief.ask("forger's entry", "POST", f"{path}/entry", body)
        if entered.status == 200:
            admission = entered.document["token"]
            await self._hold(thief, admission, bus, "an admission to another room")
            await self._enter(thief, body["token"], "a place in another room")

    async def _before_the_turn(self) -> None:
        """Whoever comes last is not next; if it is their turn by then, they are as good as anybody."""
        late, asked = self._somebody(), time.monotonic()
        path = f"/rooms/{self.hall.room}"
        place = await late.ask("forger's place", "POST", f"{path}/places", {})
        if place.status != 200:
            return
        told = place.document
        turn = Turn(
            told["place"], told["number"], is_drawn=False, asked=asked, told=time.monotonic()
        )
        self.hall.turns.append(turn)
        early = await ask_until_sure(
            late, "forger's entry", f"{path}/entry", {"token": told["token"]}
        )
        if early.status == 200:
            turn.entered = time.monotonic()
        else:
            self._judge("a place before its turn", early)

    async def _once_more(self, owner: Guest, victim: Loot) -> None:
        """A place that let its owner in lets nobody else in, and its owner no longer than it did."""
        body = {"token": victim.place_token}
        path = f"/rooms/{self.hall.room}/entry"
        again = await ask_until_sure(owner, "forger's entry", path, body)
        self.tried["a used place, for more time"] += 1
        if again.status == 200 and again.document["expires_at"] == victim.expires_at:
            self.refused["a used place, for more time"] += 1
        else:
            self.hall.journal.wrongs.append(f"a used place was answered {again.status}, otherwise")

    async def _hold(self, who: Guest, token: str | None, bus: str, what: str) -> None:
        who.pass_ = token
        body = {"seats": [f"{self.dice.randint(1, 9)}A"]}
        self._judge(what, await ask_until_sure(who, "forger's hold", f"/buses/{bus}/holds", body))

    async def _enter(self, who: Guest, token: str, what: str) -> None:
        path = f"/rooms/{self.hall.room}/entry"
        self._judge(what, await ask_until_sure(who, "forger's entry", path, {"token": token}))

    def _judge(self, what: str, answer: Answer) -> None:
        self.tried[what] += 1
        if answer.code in _REFUSED:
            self.refused[what] += 1
        elif answer.status < 400:
            self.hall.journal.wrongs.append(f"{what} was let in")

    def _somebody(self) -> Guest:
        self.first_number += 1
        visitor = Visitor(self.first_number, 0.0, Kind.BOT, 1, is_declined=False, seed=0)
        return self._guest(visitor, {})

    def _guest(self, visitor: Visitor, cookies: Mapping[str, str]) -> Guest:
        return Guest(self.hall.exchange, self.hall.journal, visitor, self.dice, dict(cookies))


def _change(token: str, at: int) -> str:
    other = "A" if token[at] != "A" else "B"
    return token[:at] + other + token[at + 1 :]
