"""Questions for the plugin chain: whose turn it is, how many begin at once, and what is dropped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

import dns.message
import pytest

from podname.dns.query import Query, parse
from podname.dns.reply import deny
from podname.engine import misses as module
from podname.engine.base import Client, EngineStats, Plan
from podname.engine.counters import Counters
from podname.engine.misses import Misses, Question
from podname.engine.responding import Refuser
from tests.support.plugin import until

SLOW_SECONDS = 0.02


@dataclass
class Chain:
    """Misses of a listener, a chain that takes its time by the clock of the test, and what it answered."""

    takes_seconds: float = 0.0
    now: float = 100.0
    asked: list[str] = field(default_factory=list)
    answered: list[bytes | None] = field(default_factory=list)
    gate: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.stats = EngineStats()
        self.misses = Misses(self.stats, lambda: self.now)
        self.plan = Plan(b"\0", (), self.miss)
        self.refuser = Refuser("dns://:53", "udp", 1, Counters())

    async def miss(self, query: Query, client: Client) -> bytes | None:
        self.asked.append(client.address)
        self.now += self.takes_seconds
        if self.gate is not None:
            await self.gate.wait()
        return deny(query, 0)

    def ask(self, address: str, count: int = 1) -> list[Question | None]:
        query = parse(dns.message.make_query("example.org.", "A").to_wire())
        client = Client(address, 1, "udp", "dns://:53")
        return [
            self.misses.start(self.plan, query, self.refuser, client, self.answered.append)
            for _ in range(count)
        ]


async def test_a_client_that_floods_does_not_make_another_wait() -> None:
    chain = Chain()
    chain.ask("10.0.0.1", 1000)
    chain.ask("10.0.0.2")
    chain.ask("10.0.0.3")
    await until(lambda: len(chain.answered) == 1002)
    assert chain.asked.index("10.0.0.2") <= 66
    assert chain.asked.index("10.0.0.3") <= 67


async def test_slow_questions_begin_one_by_one_and_others_have_their_turns() -> None:
    chain = Chain(takes_seconds=SLOW_SECONDS)
    turns: list[int] = []

    def turn() -> None:
        turns.append(len(chain.asked))
        if len(chain.answered) < 200:
            asyncio.get_running_loop().call_soon(turn)

    chain.ask("10.0.0.1", 200)
    turn()
    await until(lambda: len(chain.answered) == 200)
    begun = [after - before for before, after in pairwise(turns)]
    assert max(begun) <= 64
    later = [count for before, count in zip(turns, begun, strict=False) if before >= 128]
    assert later
    assert max(later) == 1


async def test_quick_questions_begin_many_at_once_again() -> None:
    chain = Chain(takes_seconds=SLOW_SECONDS)
    chain.ask("10.0.0.1", 150)
    await until(lambda: len(chain.answered) == 150)
    chain.takes_seconds = 0.0
    chain.ask("10.0.0.1", 1000)
    await until(lambda: len(chain.answered) == 1150)
    before = len(chain.asked)
    chain.ask("10.0.0.1", 64)
    await asyncio.sleep(0)
    assert len(chain.asked) == before + 64


async def test_what_waited_too_long_is_dropped_and_counted() -> None:
    chain = Chain()
    chain.ask("10.0.0.1", 100)  # 64 begin, 36 wait
    chain.now += module.WAITING_SECONDS_MAX + 1
    await until(lambda: len(chain.answered) == 100)
    assert chain.stats.misses_expired == 36
    assert chain.answered.count(None) == 36
    assert len(chain.asked) == 64


async def test_one_client_may_have_only_its_share_under_way() -> None:
    chain = Chain(gate=asyncio.Event())
    assert chain.gate is not None
    most = module.MISSES_OF_A_CLIENT_MAX
    chain.ask("10.0.0.1", most + 10)
    assert len(chain.answered) == 10
    assert {reply[3] & 0xF for reply in chain.answered if reply} == {2}
    chain.ask("10.0.0.2")
    assert len(chain.answered) == 10
    chain.gate.set()
    await until(lambda: len(chain.answered) == most + 11)
    chain.ask("10.0.0.1")
    await until(lambda: len(chain.answered) == most + 12)
    last = chain.answered[-1]
    assert last is not None
    assert last[3] & 0xF == 0


@pytest.mark.parametrize("begins", [False, True])
async def test_what_nobody_wants_any_more_is_given_up(begins: bool) -> None:
    chain = Chain(gate=asyncio.Event())
    assert chain.gate is not None
    questions = chain.ask("10.0.0.1", 70)  # 64 begin
    if begins:
        await until(lambda: len(chain.asked) == 70)
    for question in questions:
        assert question is not None
        question.give_up()
    chain.gate.set()
    await chain.misses.finish(5)
    assert chain.answered == []
    assert len(chain.asked) == (70 if begins else 0)
    chain.ask("10.0.0.1")
    await until(lambda: len(chain.answered) == 1)


async def test_the_end_waits_for_what_is_under_way_and_not_for_ever() -> None:
    chain = Chain(gate=asyncio.Event())
    assert chain.gate is not None
    chain.ask("10.0.0.1", 70)
    finishing = asyncio.ensure_future(chain.misses.finish(30))
    await until(lambda: len(chain.asked) == 70)
    assert not finishing.done()
    chain.gate.set()
    await finishing
    assert len(chain.answered) == 70
    chain.gate.clear()
    chain.ask("10.0.0.1", 70)
    await chain.misses.finish(0.01)
    assert len(chain.answered) == 70
