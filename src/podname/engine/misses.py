"""Questions that only the plugin chain can answer, while they wait for their turn and while they are on their way.

No client makes others wait. Questions wait by client, and clients take turns. How many begin in a turn of the event
loop depends on how long the last turn took: one that was slow is followed by fewer, down to a single one, and by a
pause as long, so that sockets, timers and the watch of the cluster have half of the time whatever is asked. What has
waited so long that nobody listens any more is dropped and counted; so is what a TCP client asked that has left.

How many there are is bounded, in all and for each client: beyond the bound a question is answered SERVFAIL and counted
as dropped. A chain that raises (which it must not) or answers octets that are no message costs its own question
SERVFAIL and nothing else, and each kind of failure is logged once.

Sources: RFC 8767 §5 (how long a stub waits); the design of podname (nobody holds the loop).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from functools import partial
from time import monotonic

from podname.dns import constants as c
from podname.dns import reply
from podname.dns.edns import clamped
from podname.dns.query import Malformed, Query
from podname.engine.base import Client, EngineStats, Plan
from podname.engine.responding import Refuser

MISSES_MAX = 4096  # per listener, each some kilobytes of coroutine
MISSES_OF_A_CLIENT_MAX = MISSES_MAX // 4
WAITING_SECONDS_MAX = 5.0
_SLOW_TURN_SECONDS = 0.005
_PAUSE_SECONDS_MAX = 0.05
_STARTS_MAX = 64

_log = logging.getLogger(__name__)


class Question:
    """A question that waits or is on its way. `send` is called once with the finished response, or None for silence."""

    __slots__ = ("asked_seconds", "client", "plan", "query", "refuser", "send", "task")

    def __init__(  # noqa: PLR0917  # what there is to know of it
        self,
        plan: Plan,
        query: Query,
        refuser: Refuser,
        client: Client,
        send: Callable[[bytes | None], None],
        asked_seconds: float,
    ) -> None:
        self.plan, self.query, self.refuser = plan, query, refuser
        self.client, self.send, self.asked_seconds = client, send, asked_seconds
        self.task: asyncio.Task[None] | None = None

    def give_up(self) -> None:
        """Forget it: nobody wants the answer. `send` is not called."""
        self.send = _forget
        if self.task is not None:
            self.task.cancel()


def _forget(_: bytes | None) -> None:
    """Send nothing: the client has left."""


class Misses:
    """The misses of one listener."""

    def __init__(self, stats: EngineStats, clock: Callable[[], float] = monotonic) -> None:
        self._stats = stats
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: OrderedDict[str, deque[Question]] = OrderedDict()  # by client, in turns
        self._counts: Counter[str] = Counter()  # by client, waiting and on their way
        self._total = 0
        self._idle: asyncio.Event | None = None  # somebody waits for it
        self._starts = self._left = _STARTS_MAX  # of a turn, and of this one
        self._has_turn = False  # whether one is under way or due
        self._reported: set[tuple[type[BaseException], int]] = set()

    def start(
        self,
        plan: Plan,
        query: Query | Malformed,
        refuser: Refuser,
        client: Client,
        send: Callable[[bytes | None], None],
    ) -> Question | None:
        """Ask the plan's chain, now or when it is the client's turn. None when that is answered already."""
        if not isinstance(query, Query):  # the engine asks for well-formed queries only
            send(None)
            return None
        self._stats.misses += 1
        address = client.address
        if self._total >= MISSES_MAX or self._counts[address] >= MISSES_OF_A_CLIENT_MAX:
            send(refuser.refuse(query, c.SERVFAIL))
            return None
        question = Question(plan, query, refuser, client, send, self._clock())
        self._counts[address] += 1
        self._total += 1
        if self._left and not self._waiting:
            self._begin(question)
        else:
            self._waiting.setdefault(address, deque()).append(question)
        if not self._has_turn:
            self._see_it_through()
        return question

    async def finish(self, grace_seconds: float) -> None:
        """Wait for those that wait or are on their way, at most so long; give up the others."""
        if self._total:
            self._idle = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await self._idle.wait()
        self._waiting.clear()
        for task in self._tasks:
            task.cancel()

    def _see_it_through(self) -> None:
        """Come back when the questions that have begun have had their first step."""
        self._has_turn = True
        asyncio.get_running_loop().call_soon(self._end_turn, self._clock())

    def _end_turn(self, began_seconds: float) -> None:
        """Learn how many the next turn has time for, and let it begin, after a slow one later."""
        took_seconds = self._clock() - began_seconds
        is_slow = took_seconds > _SLOW_TURN_SECONDS
        self._starts = max(1, self._starts // 2) if is_slow else min(_STARTS_MAX, self._starts * 2)
        if is_slow and self._waiting:
            pause_seconds = min(took_seconds, _PAUSE_SECONDS_MAX)
            asyncio.get_running_loop().call_later(pause_seconds, self._begin_turn)
        else:
            self._begin_turn()

    def _begin_turn(self) -> None:
        now = self._clock()
        self._left, self._has_turn = self._starts, False
        while self._left and self._waiting:
            question = self._take()
            if question.send is _forget or now - question.asked_seconds > WAITING_SECONDS_MAX:
                self._stats.misses_expired += 1
                self._done(question.client.address)
                question.send(None)
            else:
                self._begin(question)
        if self._left < self._starts:
            self._see_it_through()

    def _take(self) -> Question:
        """Return the question of the client whose turn it is, who then comes last."""
        address, questions = self._waiting.popitem(last=False)
        question = questions.popleft()
        if questions:
            self._waiting[address] = questions
        return question

    def _begin(self, question: Question) -> None:
        self._left -= 1
        question.task = task = asyncio.get_running_loop().create_task(self._ask(question))
        self._tasks.add(task)
        # Not at the end of the coroutine: one that is cancelled before it has begun has no end.
        task.add_done_callback(partial(self._ended, question.client.address))

    async def _ask(self, question: Question) -> None:
        query = clamped(question.query, question.plan.edns_octets_max)
        limit_octets = question.refuser.size_limit(query)
        try:
            whole = await question.plan.miss(query, question.client)
            response = None if whole is None else _finished(query, whole, limit_octets)
        except Exception as error:  # whatever it is, it is one question's
            self.report(error)
            response = reply.finish(query, reply.deny(query, c.SERVFAIL), limit_octets)
        question.send(response)

    def _ended(self, address: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._done(address)

    def _done(self, address: str) -> None:
        self._total -= 1
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]
        if self._idle is not None and not self._total:
            self._idle.set()

    def report(self, error: Exception) -> None:
        """Log an error of a question, the first time that it happens there."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = (type(error), trace.tb_lineno if trace else 0)
        if place not in self._reported:
            self._reported.add(place)
            _log.error("a question could not be answered, and gets SERVFAIL", exc_info=error)


def _finished(query: Query, whole: bytes, limit_octets: int) -> bytes:
    if len(whole) < c.HEADER_OCTETS:
        raise ValueError(f"a response of {len(whole)} octets")
    return reply.finish(query, whole, limit_octets)
