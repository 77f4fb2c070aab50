"""Reload, drain, signals: nothing is lost, and what is broken changes nothing."""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.rcode
import pytest
from tests.support.http import get
from tests.support.plugin import until
from tests.support.server import (
    addresses,
    plugin_of,
    port_of,
    serving,
    started,
    tcp,
    udp,
    write,
)
from tests.support.upstream import answering, scripted
from tests.unit.server.test_serving import CLUSTER, kubernetes

from podname.errors import PodnameError
from podname.plugins.base import Next, Reply, Request
from podname.plugins.health.handler import Health
from podname.plugins.prometheus.handler import Prometheus
from podname.plugins.ready.handler import Ready
from podname.plugins.reload.handler import Reload
from podname.plugins.whoami.handler import Whoami
from podname.runtime.process import Signals, attend
from podname.server.lifecycle import Server
from podname.server.listeners import Address
from podname.server.process import Options, Serving
from podname.server.watch import Watch

WHOAMI = ".:0 {\nbind 127.0.0.1\nreload 1h\nwhoami\n}"
BROKEN = ".:0 {\nbind 127.0.0.1\n    whoani\n}"
POD = "web-1.default.pod.cluster.local"


class Load:
    """A few clients that ask one question after the other, and count what comes back."""

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self._ask = ask
        self.answered = 0
        self.wrong: list[object] = []
        self.going = True

    async def client(self) -> None:
        while self.going:
            try:
                rcode = await self._ask()
            except (OSError, EOFError) as error:  # a timeout is an OSError
                self.wrong.append(error)
            else:
                if rcode == 0:
                    self.answered += 1
                else:
                    self.wrong.append(dns.rcode.to_text(dns.rcode.Rcode(rcode)))

    async def answers(self, count: int) -> None:
        """Wait for so many more."""
        reached = self.answered
        await until(lambda: self.answered > reached + count)


@asynccontextmanager
async def load(ask: Callable[[], Awaitable[int]], clients: int = 4) -> AsyncIterator[Load]:
    """Keep clients asking; when the block ends, each finishes the question that it is at."""
    found = Load(ask)
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(found.client())
        try:
            yield found
        finally:
            found.going = False


class Gate:
    """Replaces `whoami`: queries wait in the plugin chain until the gate is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waiting = 0
        self.open = asyncio.Event()
        answer = Whoami.serve

        async def serve(plugin: Whoami, request: Request, next_: Next) -> Reply:
            self.waiting += 1
            await self.open.wait()
            return await answer(plugin, request, next_)

        monkeypatch.setattr(Whoami, "serve", serve)


async def until_answered(port: int, name: str, answer: str) -> None:
    """Ask until that is the answer; five seconds are too many."""
    async with asyncio.timeout(5):
        while await addresses(port, name) != [answer]:
            pass


# ------------------------------------------------------------------------- reload


async def test_a_reload_keeps_the_socket_and_changes_the_answers(tmp_path: Path) -> None:
    async with serving(tmp_path, WHOAMI) as server:
        port = port_of(server)
        assert (await udp(port, "example.org.")).rcode() == 0
        write(tmp_path, WHOAMI.replace(".:0", "example.net:0"))
        await server.reload()
        assert port_of(server) == port
        assert await addresses(port, "example.org.") == ["REFUSED"]
        assert (await udp(port, "example.net.")).rcode() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BROKEN, "Corefile:3:5: unknown directive 'whoani', did you mean 'whoami'?"),
        ('.:0 {\nwhoami "', "Corefile:2:8: "),
        ("quic://.:0 {\nwhoami\n}", "podname does not serve 'quic://' yet"),
        ("", "Corefile:1:1: there is no server block: nothing would be served"),
        (".:0 {\nbind 127.0.0.1\nhealth 192.0.2.1:8080\nwhoami\n}", "assign requested address"),
        (".:0 {\nbind 192.0.2.1\nwhoami\n}", "cannot listen on dns://192.0.2.1:0"),
    ],
)
async def test_what_cannot_be_used_keeps_the_old(tmp_path: Path, text: str, message: str) -> None:
    async with serving(tmp_path, WHOAMI) as server:
        port, before = port_of(server), server.configuration
        write(tmp_path, text)
        with pytest.raises(PodnameError) as caught:
            await server.reload()
        assert message in str(caught.value)
        assert server.configuration is before
        assert list(server.listeners.open) == [Address("127.0.0.1", 0)]
        assert (await udp(port, "a.")).additional


async def test_a_fault_while_starting_keeps_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: Whoami) -> None:
        raise ZeroDivisionError

    async with serving(tmp_path, WHOAMI) as server:
        monkeypatch.setattr(Whoami, "start", fails)
        with pytest.raises(ZeroDivisionError):
            await server.reload()
        assert (await udp(port_of(server), "a.")).additional


async def test_endpoints_and_their_sockets_outlive_a_reload(tmp_path: Path) -> None:
    text = ".:0 {\nbind 127.0.0.1\nhealth 127.0.0.1:0\nready 127.0.0.1:0\nwhoami\n}"
    async with serving(tmp_path, text) as server:
        health = plugin_of(server, "health")
        assert isinstance(health, Health)
        port = health.endpoint.port
        await server.reload()
        again = plugin_of(server, "health")
        assert isinstance(again, Health)
        assert again is not health
        assert again.endpoint is health.endpoint
        assert await get(port, "/health") == (200, "OK")
        assert await get(port, "/ready") == (200, "OK")
        write(tmp_path, text.replace("health 127.0.0.1:0\nready 127.0.0.1:0\n", ""))
        await server.reload()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await get(port, "/health")


async def test_watched_data_outlive_a_reload(tmp_path: Path) -> None:
    text = f".:0 {{\nbind 127.0.0.1\n{kubernetes(tmp_path)}}}"
    async with serving(tmp_path, text) as server:
        (tmp_path / "cluster.yaml").unlink()  # whoever read it anew would find nothing
        write(tmp_path, text.replace("pod_names", "pod_names\n} \n errors {"))
        await server.reload()
        assert await addresses(port_of(server), POD) == ["10.0.0.7"]


async def test_a_block_moves_from_every_address_to_one(tmp_path: Path) -> None:
    async with serving(tmp_path, ".:0 {\nwhoami\n}") as server:
        port = port_of(server, "")
    text = f".:{port} {{\nwhoami\n}}"
    async with serving(tmp_path, text) as server:
        write(tmp_path, text.replace("whoami", "bind 127.0.0.1\nwhoami"))
        await server.reload()
        assert (await udp(port, "a.")).additional
        write(tmp_path, text.replace("whoami", "health 192.0.2.1:1\nwhoami"))
        with pytest.raises(PodnameError, match="assign"):
            await server.reload()
        assert (await udp(port, "a.")).additional, "the old socket is there again"


async def test_no_query_is_lost_over_reloads(tmp_path: Path) -> None:
    text = f".:0 {{\nbind 127.0.0.1\n{kubernetes(tmp_path)}whoami\n}}"
    async with serving(tmp_path, text) as server:
        other = (
            text.replace("whoami", "whoami\nloadbalance") + "\nb.:0 {\nbind 127.0.0.1\nwhoami\n}"
        )
        port, turn = port_of(server), 0

        async def ask() -> int:
            nonlocal turn
            turn += 1
            if turn % 5 == 0:
                return (await tcp(port, POD)).rcode()
            return (await udp(port, POD if turn % 2 else "example.org.", seconds=2)).rcode()

        async with load(ask) as found:
            for number in range(8):
                write(tmp_path, other if number % 2 else text)
                await server.reload()
                await found.answers(20)
    assert not found.wrong
    assert found.answered >= 160


async def test_no_forwarded_query_is_lost_over_reloads_and_the_cache_is_kept(
    tmp_path: Path,
) -> None:
    async with scripted(answering("@ 60 A 192.0.2.1")) as upstream:
        text = f"""
            .:0 {{
                bind 127.0.0.1
                errors
                forward . {upstream.at}
                cache 30
            }}
        """
        async with serving(tmp_path, text) as server:
            port, names = port_of(server), itertools.count()
            assert await addresses(port, "kept.example.") == ["192.0.2.1"]

            async def ask() -> int:
                return (await udp(port, f"name-{next(names)}.example.", seconds=2)).rcode()

            async with load(ask) as found:
                for number in range(6):
                    write(
                        tmp_path, text.replace("errors", "loadbalance" if number % 2 else "errors")
                    )
                    await server.reload()
                    await found.answers(20)
            before = len(upstream.asked)
            assert before >= found.answered >= 120
            assert await addresses(port, "kept.example.") == ["192.0.2.1"]
            assert len(upstream.asked) == before
    assert not found.wrong


async def test_a_query_under_way_is_answered_by_the_plugins_that_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    stopped: list[int] = []

    async def stop(_: Whoami) -> None:
        stopped.append(gate.waiting)

    monkeypatch.setattr(Whoami, "stop", stop)
    async with serving(tmp_path, WHOAMI) as server:
        asking = asyncio.create_task(udp(port_of(server), "a."))
        await until(lambda: gate.waiting == 1)
        reloading = asyncio.create_task(server.reload())
        await until(server.changed.is_set)
        assert not stopped, "its plugins are still needed"
        gate.open.set()
        assert (await asking).additional
        await reloading
        assert stopped


# ------------------------------------------------------------------ the reload directive


async def test_a_changed_file_is_noticed_and_a_broken_one_refused_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    text = WHOAMI.replace("whoami", "prometheus 127.0.0.1:0\nwhoami")
    async with serving(tmp_path, text) as server:
        port, watch = port_of(server), Watch(server)
        first = server.configuration
        await watch.look()
        write(tmp_path, "# another comment\n" + text)
        await watch.look()
        assert server.configuration is first, "only its words count"

        write(tmp_path, BROKEN)
        for _ in range(3):
            await watch.look()
        assert server.configuration is first
        errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
        (error,) = errors
        assert error.startswith("Corefile changed but reload failed: ")
        assert error.endswith("Corefile:3:5: unknown directive 'whoani', did you mean 'whoami'?")

        write(tmp_path, text + " {")
        for _ in range(3):
            await watch.look()
        assert len([r for r in caplog.records if "Corefile parse failed" in r.message]) == 1
        reload = plugin_of(server, "reload")
        assert isinstance(reload, Reload)
        assert reload.counters.failed == 2

        write(tmp_path, text.replace(".:0", "example.net:0"))
        await watch.look()
        assert await addresses(port, "example.org.") == ["REFUSED"]
        assert server.configuration is not None
        prometheus = plugin_of(server, "prometheus")
        assert isinstance(prometheus, Prometheus)
        _, metrics = await get(prometheus.endpoint.port, "/metrics")
        assert "coredns_reload_failed_total 2.0" in metrics
        digest = server.configuration.digest
        assert f'coredns_reload_version_info{{hash="sha512",value="{digest}"}} 1.0' in metrics


async def test_every_mistake_of_a_refused_file_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, WHOAMI) as server:
        write(tmp_path, ".:0 {\nfoo1\nhealth a\nreload 0s\n}")
        await Watch(server).look()
    errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    places = [error.split("Corefile:")[1][:3] for error in errors]
    assert places == ["2:1", "3:8", "4:8"]


async def test_the_watch_follows_the_directive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reload, "next_look_seconds", lambda _: 0.001)
    async with serving(tmp_path, WHOAMI) as server:
        watching = asyncio.create_task(Watch(server).run())
        first = server.configuration
        write(tmp_path, WHOAMI.replace("reload 1h\n", ""))
        await until(lambda: server.configuration is not first)
        second = server.configuration
        write(tmp_path, WHOAMI)
        await server.reload()  # the directive is gone: nobody looks, so somebody must say so
        assert server.configuration is not second
        third = server.configuration
        write(tmp_path, WHOAMI.replace("whoami", "whoami\nerrors"))
        await until(lambda: server.configuration is not third)
        watching.cancel()


# -------------------------------------------------------------------------- the end


LAMEDUCK = """.:0 {
    bind 127.0.0.1
    health 127.0.0.1:0 {
        lameduck 5s
    }
    ready 127.0.0.1:0
    %s
    whoami
}
"""


async def test_lameduck_serves_live_data_and_no_query_is_lost_to_the_end(tmp_path: Path) -> None:
    server = await started(tmp_path, LAMEDUCK % kubernetes(tmp_path))
    port, health, ready = port_of(server), plugin_of(server, "health"), plugin_of(server, "ready")
    assert isinstance(health, Health)
    assert isinstance(ready, Ready)
    lame, over = asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        assert seconds == 5
        lame.set()
        await over.wait()

    health._sleep = sleep
    assert await get(ready.endpoint.port, "/ready") == (200, "OK")

    async def ask() -> int:
        return (await udp(port, POD, seconds=2)).rcode()

    async with load(ask) as found:
        draining = asyncio.create_task(server.drain())
        await lame.wait()
        assert await get(ready.endpoint.port, "/ready") == (503, "Shutting down")
        assert await get(health.endpoint.port, "/health") == (200, "OK")
        (tmp_path / "cluster.yaml").write_text(CLUSTER.replace("10.0.0.7", "10.0.0.8"))
        await until_answered(port, POD, "10.0.0.8")
        over.set()
        await draining
        found.going = False
    await server.stop()
    assert not found.wrong
    assert found.answered > 50
    with pytest.raises(OSError, match="refused"):
        await udp(port, POD)


async def test_queries_under_way_are_finished_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    server = await started(tmp_path, WHOAMI)
    asking = [asyncio.create_task(ask(port_of(server), "a.")) for ask in (udp, tcp)]
    await until(lambda: gate.waiting == 2)
    await server.drain()
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    gate.open.set()
    assert all([(await task).additional for task in asking])
    await stopping


async def test_a_reload_that_comes_too_late_does_nothing(tmp_path: Path) -> None:
    server = await started(tmp_path, WHOAMI)
    await server.drain()
    before = server.configuration
    await server.reload()
    assert server.configuration is before
    await server.stop()


async def test_a_plugin_that_cannot_end_keeps_nobody_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_: Whoami) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Whoami, "drain", fails)
    monkeypatch.setattr(Whoami, "stop", fails)
    server = await started(tmp_path, LAMEDUCK.replace("5s", "0s") % "")
    await server.drain()
    await server.stop()
    faults = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert faults == ["Plugin 'whoami' could not end as it should"] * 2
    assert not server.listeners.open


class Told:
    """A process that waits for signals, without the process."""

    def __init__(self, server: Server) -> None:
        self.seconds = 100.0
        self.signals = Signals(lambda: self.seconds)
        process = Serving(server, Options(quiet=True))
        self.attending = asyncio.create_task(attend(process, self.signals))

    async def end(self) -> tuple[int, bool]:
        async with asyncio.timeout(5):
            return await self.attending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_sigterm_ends_in_peace(tmp_path: Path, number: signal.Signals) -> None:
    told = Told(await started(tmp_path, WHOAMI))
    told.signals.send(number)
    assert await told.end() == (0, False)


async def test_a_second_signal_ends_now(tmp_path: Path) -> None:
    server = await started(tmp_path, LAMEDUCK % "")
    health, lame = plugin_of(server, "health"), asyncio.Event()

    async def sleep(_: float) -> None:
        lame.set()
        await asyncio.Event().wait()

    health._sleep = sleep  # type: ignore[attr-defined]
    told = Told(server)
    told.signals.send(signal.SIGTERM)
    await lame.wait()
    told.signals.send(signal.SIGUSR1)  # too late for that, and no reason to end
    told.signals.send(signal.SIGHUP)
    told.seconds += 1
    told.signals.send(signal.SIGTERM)
    assert await told.end() == (1, True)
    await server.stop(0)


async def test_a_signal_that_is_sent_twice_in_one_moment_is_one_signal(tmp_path: Path) -> None:
    """`timeout make serve` signals the process group, and make hands its own signal on."""
    told = Told(await started(tmp_path, WHOAMI))
    told.signals.send(signal.SIGTERM)
    told.seconds += 0.5
    told.signals.send(signal.SIGTERM)
    assert await told.end() == (0, False)


async def test_sigquit_ends_now_and_sighup_does_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, WHOAMI) as server:
        told = Told(server)
        told.signals.send(signal.SIGHUP)
        told.signals.send(signal.SIGQUIT)
        assert await told.end() == (0, True)


async def test_sigusr1_reloads_and_a_broken_file_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, WHOAMI) as server:
        port, told = port_of(server), Told(server)
        write(tmp_path, WHOAMI.replace(".:0", "example.net:0"))
        told.signals.send(signal.SIGUSR1)
        await until_answered(port, "example.org.", "REFUSED")
        write(tmp_path, BROKEN)
        told.signals.send(signal.SIGUSR1)
        await until(lambda: "SIGUSR1: " in caplog.text and "whoani" in caplog.text)
        assert (await udp(port, "example.net.")).rcode() == 0
        told.signals.send(signal.SIGTERM)
        assert await told.end() == (0, False)


async def test_ready_waits_until_what_was_started_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readies: list[Ready] = []
    said: list[tuple[int, str]] = []
    start = Ready.start

    async def note(self: Ready) -> None:
        await start(self)
        readies.append(self)

    async def look(_: Whoami) -> None:
        said.append(await get(readies[0].endpoint.port, "/ready"))

    monkeypatch.setattr(Ready, "start", note)
    monkeypatch.setattr(Whoami, "start", look)
    text = ".:0 {\nbind 127.0.0.1\nready 127.0.0.1:0\nwhoami\n}"
    async with serving(tmp_path, text):
        assert said == [(503, "ready")]
        assert await get(readies[0].endpoint.port, "/ready") == (200, "OK")
