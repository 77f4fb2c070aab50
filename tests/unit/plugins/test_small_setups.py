"""What the small directives take and refuse, with the place."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from tests.support.plugin import context, directives

from podname.corefile import parse_text
from podname.errors import CorefileError
from podname.plugins import refusal
from podname.plugins.base import Plugin
from podname.plugins.bind.handler import Bind
from podname.plugins.health.handler import Health
from podname.plugins.prometheus.handler import Prometheus
from podname.plugins.ready.handler import Ready
from podname.plugins.reload.handler import Reload

FOLDER = Path(__file__).parents[3] / "src" / "podname" / "plugins"


def set_up(name: str, text: str, warnings: list[str] | None = None) -> Plugin:
    found = directives(f".:53 {{\n{text}\n}}", name)
    plugin: Plugin = import_module(f"podname.plugins.{name}.setup").setup(
        found, context(warnings=warnings)
    )
    return plugin


ACCEPTED = """
errors
errors stdout
errors { stacktrace }
errors { consolidate 5m ".* i/o timeout$" }
errors { consolidate 30s "^Failed to .+" warning show_first }
log
log example.org
log example.org example.net
log . {common}
log . "{combined} {/metadata}" { class denial error }
log { class all }
health
health localhost:8091
health [::1]:8091 { lameduck 1h30m }
ready
ready :8182 { monitor continuously }
ready { monitor until-ready }
prometheus
prometheus 0.0.0.0:9153
reload
reload 10s
reload 2s 1s
reload 2s 0s
loadbalance
loadbalance round_robin
loadbalance { prefer 10.0.0.0/8 fd00::/8 }
loadbalance weighted w.txt
bind 127.0.0.1
bind lo
bind 127.0.0.1 ::1
bind lo { except 127.0.0.1 }
whoami
debug
chaos
chaos v1 somebody
erratic
erratic { drop }
erratic { drop 0 }
erratic { delay 3 50ms }
erratic { delay 3 -1s }
erratic { truncate }
erratic { large }
on startup cmd arg1 arg2
on SHUTDOWN cmd &
on certrenew cmd
""".strip().splitlines()

REFUSED = """
errors stderr | 2:8 | invalid log file: stderr
errors stdout stdout | 2:15 | expected 0 to 1 arguments, found 2
errors { foo } | 2:10 | unknown property 'foo' of errors
errors { stacktrace x } | 2:21 | expected no argument, found 1
errors { stacktrase } | 2:10 | unknown property 'stacktrase' of errors, did you mean 'stacktrace'?
errors { consolidate } | 2:10 | expected 2 to 4 arguments
errors { consolidate 5m } | 2:22 | expected 2 to 4 arguments
errors { consolidate five x } | 2:22 | 'five' after 'consolidate' is not a duration
errors { consolidate 5m ( } | 2:25 | '(' is not a regular expression
errors { consolidate 5m (?=a) } | 2:25 | is not a regular expression: invalid perl operator: (?=
errors { consolidate 5m x loud } | 2:27 | unknown option in consolidate: loud
errors { consolidate 5m x info error } | 2:32 | multiple log levels
errors { consolidate 5m x show_first info } | 2:38 | log level must come before show_first
log { class } | 2:7 | expected at least 1 argument
log { class quiet } | 2:13 | invalid class: quiet
log { foo } | 2:7 | unknown property 'foo' of log
log { clas error } | 2:7 | unknown property 'clas' of log, did you mean 'class'?
log a..b | 2:5 | 'a..b' is not a name
health a b | 2:10 | expected 0 to 1 arguments
health localhost | 2:8 | missing port in address 'localhost'
health ::1:8080 | 2:8 | put an IPv6 address in brackets
health :http | 2:8 | 'http' in address ':http' is not a port number
health :99999 | 2:8 | not a port number
health { lameduck } | 2:10 | expected 1 argument, found 0
health { lameduck soon } | 2:19 | 'soon' after 'lameduck' is not a duration
health { lame 5s } | 2:10 | unknown property 'lame'
ready 8181 | 2:7 | missing port in address '8181'
ready { monitor } | 2:9 | expected 1 argument
ready { monitor often } | 2:17 | unknown monitor 'often', there are until-ready, continuously
ready { foo } | 2:9 | unknown property 'foo'
prometheus a b | 2:14 | expected 0 to 1 arguments
prometheus 9153 | 2:12 | missing port
prometheus { tls web.yml } | 2:14 | the property 'tls' of prometheus is not supported yet
prometheus { foo } | 2:14 | unknown property 'foo'
prometheus { runtime_metrics x } | 2:30 | expected no argument
reload 1s | 2:8 | interval value must be greater or equal to 2s
reload 10s 500ms | 2:12 | jitter value must be 0 or greater or equal to 1s
reload x | 2:8 | 'x' after 'reload' is not a duration
reload 10s 5s 1s | 2:15 | expected 0 to 2 arguments
reload { x } | 2:10 | unknown property 'x'
loadbalance fastest | 2:13 | unknown policy: fastest
loadbalance round_robin x | 2:25 | expected 0 to 1 arguments
loadbalance weighted | 2:13 | expected 2 arguments, found 1
loadbalance weighted w.txt w.txt | 2:28 | expected 2 arguments, found 3
loadbalance weighted w.txt { prefer 10.0.0.0/8 } | 2:30 | unknown property 'prefer' of loadbalance
loadbalance weighted w.txt { reload } | 2:30 | expected 1 argument, found 0
loadbalance weighted w.txt { reload soon } | 2:37 | 'soon' after 'reload' is not a duration
loadbalance { reload 1s } | 2:15 | unknown property 'reload' of loadbalance
loadbalance { prefer 10.0.0.0/33 } | 2:22 | invalid CIDR '10.0.0.0/33'
loadbalance { prefer 10.0.0.0 } | 2:22 | invalid CIDR '10.0.0.0': write its length
loadbalance { x } | 2:15 | unknown property 'x'
bind | 2:1 | expected at least 1 argument, found 0
bind nosuch0 | 2:6 | not a valid IP address or interface name: 'nosuch0'
bind 127.0.0.1 { except } | 2:18 | expected at least 1 argument, found 0
bind 127.0.0.1 { only lo } | 2:18 | unknown property 'only' of bind
bind 127.0.0.1 { exept lo } | 2:18 | unknown property 'exept' of bind, did you mean 'except'?
bind 127.0.0.1 { except 127.0.0.1 } | 2:1 | no address is left to bind to
whoami x | 2:8 | expected no argument
debug x | 2:7 | expected no argument
erratic x | 2:9 | expected no argument
erratic { drop -1 } | 2:16 | drop must be in range [0, 2147483647]: -1
erratic { drop 1 2 } | 2:18 | expected 0 to 1 arguments, found 2
erratic { truncate 2147483648 } | 2:20 | truncate must be in range
erratic { delay 1 soon } | 2:19 | 'soon' after 'delay' is not a duration
erratic { delay 1 1s 1s } | 2:22 | expected 0 to 2 arguments, found 3
erratic { large x } | 2:17 | expected no argument
erratic { dorp 1 } | 2:11 | unknown property 'dorp' of erratic, did you mean 'drop'?
on | 2:1 | expected at least 1 argument, found 0
on restart cmd | 2:4 | wrong event name or event not supported: 'restart' (startup, shutdown, certrenew)
on startup | 2:4 | no command behind 'startup'
on startup cmd 'x | 2:12 | error parsing command: No closing quotation
on startup cmd { x } | 2:18 | unknown property 'x' of on
""".strip().splitlines()


def in_lines(text: str) -> str:
    """Write `a { b }` as a Corefile wants it: the block on lines of its own."""
    head, brace, block = text.partition(" { ")
    if not brace:
        return text
    # Columns of the table count in the one-line form, so the words keep theirs.
    return f"{head} {{\n{' ' * (len(head) + 3)}{block.removesuffix(' }')}\n}}"


@pytest.mark.parametrize("text", ACCEPTED)
def test_taken(text: str) -> None:
    name = text.split(maxsplit=1)[0]
    assert set_up(name, in_lines(text)).name == name


@pytest.mark.parametrize("row", REFUSED)
def test_refused_with_its_place(row: str) -> None:
    text, place, message = row.split(" | ")
    line, column = place.split(":")
    if " { " in text and int(column) > text.index(" { "):
        line = "3"
    name, *_ = text.split()
    with pytest.raises(CorefileError) as caught:
        set_up(name, in_lines(text))
    assert str(caught.value).startswith(f"Corefile:{line}:{column}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["errors", "ready", "prometheus"])
def test_once_in_a_block(name: str) -> None:
    with pytest.raises(CorefileError, match=r"Corefile:3:1: \w+ can only be used once"):
        set_up(name, f"{name}\n{name}")


def test_values() -> None:
    health = set_up("health", "health :8091 {\nlameduck 1m30s\n}")
    assert isinstance(health, Health)
    assert (health.endpoint.host, health.endpoint.port) == ("", 8091)
    assert health.lameduck_seconds == 90
    ready, prometheus = set_up("ready", "ready"), set_up("prometheus", "prometheus")
    assert isinstance(ready, Ready)
    assert ready.endpoint.port == 8181
    assert isinstance(prometheus, Prometheus)
    assert (prometheus.endpoint.host, prometheus.endpoint.port) == ("localhost", 9153)


@pytest.mark.parametrize(
    ("text", "interval", "jitter"),
    [
        ("reload", 30, 15),
        ("reload 10s", 10, 5),
        ("reload 1m 20s", 60, 20),
        ("reload 4s 1m", 4, 2),
        ("reload 2s 0s", 2, 0),
    ],
)
def test_reload_jitter_is_at_most_half_the_interval(
    text: str, interval: float, jitter: float
) -> None:
    plugin = set_up("reload", text)
    assert isinstance(plugin, Reload)
    assert (plugin.interval_seconds, plugin.jitter_seconds) == (interval, jitter)
    looks = [plugin.next_look_seconds() for _ in range(200)]
    assert all(interval - jitter / 2 <= look <= interval + jitter / 2 for look in looks)
    assert len(set(looks)) == (200 if jitter else 1)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("bind ::1 127.0.0.1", ("::1", "127.0.0.1")),
        ("bind 127.0.0.1\nbind ::1 127.0.0.1", ("127.0.0.1", "::1")),
        ("bind 0:0:0:0:0:0:0:1", ("::1",)),
        ("bind 127.0.0.1 127.0.0.2 {\nexcept 127.0.0.1\n}", ("127.0.0.2",)),
    ],
)
def test_bind_addresses(text: str, addresses: tuple[str, ...]) -> None:
    plugin = set_up("bind", text)
    assert isinstance(plugin, Bind)
    assert plugin.addresses == addresses


def test_bind_asks_the_kernel_for_an_interface() -> None:
    plugin = set_up("bind", "bind lo")
    assert isinstance(plugin, Bind)
    assert "127.0.0.1" in plugin.addresses


def test_a_format_alone_is_a_name_and_warned_of() -> None:
    warnings: list[str] = []
    set_up("log", 'log "{name}"', warnings)
    assert warnings == ["Corefile:2:5: '{name}' is taken for a name: write 'log . \"FORMAT\"'"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("template", "the directive 'template' is CoreDNS's, but podname does not support it yet"),
        ("kubernets", "unknown directive 'kubernets', did you mean 'kubernetes'?"),
        ("zzzzzzzz", "unknown directive 'zzzzzzzz'"),
    ],
)
def test_a_directive_that_is_not_there_is_refused_by_name(word: str, message: str) -> None:
    (directive,) = directives(f". {{\n{word}\n}}", word)
    assert str(refusal(directive)) == f"Corefile:2:1: {message}"


@pytest.mark.parametrize("name", sorted({line.split()[0] for line in ACCEPTED}))
def test_a_readme_in_man_page_form_whose_examples_are_taken(name: str) -> None:
    text = (FOLDER / name / "README.md").read_text()
    headings = [line for line in text.splitlines() if line.startswith("#")]
    expected = ["Name", "Description", "Syntax", "Metrics", "Examples", "Bugs", "See Also"]
    assert headings[0] == f"# {name}"
    assert headings[1:] == [f"## {word}" for word in expected if f"## {word}" in headings]
    for example in re.findall(r"```corefile\n(.*?)```", text, re.DOTALL):
        (block,) = parse_text(example).blocks
        found = [directive for directive in block.directives if directive.name.text == name]
        assert import_module(f"podname.plugins.{name}.setup").setup(found, context()).name == name
