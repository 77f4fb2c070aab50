"""CoreDNS reads odd Corefiles, and so do we: who accepts which?

CoreDNS runs in a network namespace of its own, so that every port is free and nothing leaves it. It
accepts a Corefile if it starts, or fails only when it listens. Both know the same three directives;
of what these take, a few lines here say as much as the Corefiles below need.
"""

import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.cluster.harness.programs import prepare

from podname.corefile import Directive, block_keys, parse, refuse_overlaps
from podname.errors import CorefileError

START_SECONDS_MAX = 20
ENVIRONMENT = {
    "PORT": "5300",
    "ZONE": "example.org",
    "WORDS": "two words",
    "COMMA": "a.org,",
    "EMPTY": "",
    "BRACE": "{",
}
FILES = {
    "whoami.part": "whoami\n",
    "block.part": "b.org:5301 {\n  whoami\n}",
    "property.part": "class error",
    "snippet.part": "(from_file) {\n whoami\n}",
    "many/1.server": "one.org {\n whoami\n}\n",
    "many/2.server": "two.org {\n whoami\n}\n",
    "many/.3.server": "three.org {\n unknown\n}\n",
    "cycle.part": "import cycle.part",
    "open.part": ".:5302 {\n whoami\n",
}

ACCEPTED = [
    "",
    ".",
    ".:5300",
    ".:5300\nwhoami",
    ".:5300 {\n whoami\n}",
    ".:5300\n{\n whoami\n}",
    ".:5300 { whoami\n}",
    ".:5300 { }",
    ".:5300 { } a.org { }",
    "\ufeff.:5300 {\r\n whoami\r\n}\r\n",
    "a.org b.org, c.org,\nd.org:5301 {\n whoami\n}",
    "a.org,b.org {\n whoami\n}",
    "a.org {\n whoami\n}\n}",
    "a.org\nwhoami\n}\nb.org {\n whoami\n}",
    '"" {\n whoami\n}\na.org {\n}',
    "{$EMPTY} {\n whoami\n}\na.org {\n}",
    "{$UNSET} a.org {\n whoami\n}",
    "{$ZONE}:{$PORT} {\n whoami\n}",
    "{%ZONE%}:{$PORT} {\n {$UNSET}whoami\n}",
    "{$COMMA}\nb.org {\n whoami\n}",
    '"{$WORDS}" {\n whoami\n}',
    "a.org {\n log {$BRACE}\n}",
    "a.org {\n log#comment\n whoami #comment\n}",
    "a.org {\n whoami#\n}",
    "a.org {\n log . a#b c\n}",
    'a.org {\n log . "{type} \\"x\\" # no comment\n two lines"\n}',
    'a.org {\n log "a"b\n}',
    "a.org {\n log . a\x00b\x1c\x07\n}",
    "a.org {\n log\xa0.\u2003x\n}",
    "a.org {\n log {\n  class all\n }\n}",
    "a.org {\n log { class all\n }\n}",
    "a.org {\n errors { }\n}",
    "a.org {\n errors { stacktrace }\n}",
    "a.org {\n errors {\n  stacktrace }\n whoami\n}",
    "a.org {\n log {}\n}",
    "(s) {\n whoami\n}\na.org {\n import s\n}",
    "(s) { whoami\n}\na.org {\n import s\n errors\n}",
    "(s) {\n class error\n}\na.org {\n log {\n  import s\n }\n}",
    "(t) {\n whoami\n}\n(s) {\n import t\n}\na.org {\n import s\n}",
    "(s) {\n import nowhere\n}\na.org {\n whoami\n}",
    "(unused) {\n import unused2\n}\n(unused2) {\n import unused\n}\na.org {\n}",
    "import block.part\na.org {\n import whoami.part\n log {\n  import property.part\n }\n}",
    "import many/*.part\nimport nowhere/*.server\na.org {\n import *.override\n}",
    "import many/?.server",
    "import snippet.part\na.org {\n import from_file\n}",
    "a.org {\n log import x\n}",
    "10.0.0.0/15 2001:db8::/29 {\n whoami\n}",
    "10.0.0.0/33 10.0.0.0/255.0.0.0 {\n whoami\n}",
    "dns://a.org dns://b.org:5301 {\n whoami\n}",
    "a.org:+5300 10.0.0.1 a.org:http {\n whoami\n}",
    ".:5300 {\n whoami\n}\n.:5301 {\n whoami\n}",
]

REFUSED = [
    ".:5300 {\n unknown\n}",
    ".:5300 {\n whoami",
    ".:5300 {\n whoami }",
    ".:5300 { whoami }",
    ".:5300 {\n log {\n  class all }\n}",
    ".:5300 {\n log {\n  class all\n } }",
    ".:5300 {\n log {\n  class all\n",
    ".:5300 {\n {\n }\n}",
    ".:5300 {\n errors {\n  stacktrace {\n  }\n }\n}",
    '.:5300 {\n log "x\n}',
    "a.org, {\n whoami\n}",
    "a.org,",
    ", a.org {\n}",
    '"a.org", b.org {\n}',
    "a.org {\n}\n}\nb.org {\n whoami\n}",
    "a.org\nwhoami\nb.org {\n whoami\n}",
    "a.org {\n whoami# not a comment\n}",
    "(s)\nwhoami",
    "(s) {\n whoami\n",
    "(s) {\n}\n(s) {\n}\na.org {\n}",
    "(s) {\n import s\n}\na.org {\n}",
    "(s) {\n import t\n}\n(t) {\n import s\n}\na.org {\n import s\n}",
    "import",
    "import a b",
    'import ""',
    "import nowhere",
    "import many",
    "import many/*.server",
    "import */*.server",
    "import many/[12].server",
    "a.org {\n import {$UNSET}\n}",
    "import open.part",
    "a.org {\n whoami\n}\na.org {\n}",
    "a.org A.ORG. {\n}",
    "10.0.0.0/15 1.10.in-addr.arpa {\n}",
    "a..b {\n}",
    ":5300 {\n}",
    "a.org: {\n}",
    "a.org:65536 {\n whoami\n}",
    "::/0 {\n}",
    f"{'a' * 64}.org {{\n}}",
]

#: What CoreDNS lets pass although it cannot be meant, and what we say instead.
REFUSED_BY_US = {
    '.:5300\nlog "x': "never closed",
    "a.org {\n log {\n }\n": "this server block is opened here and never closed",
    "(s)": "expected '{' after snippet",
    "http://a.org {\n whoami\n}": "unknown scheme",
    "a.org {\n log {\n } x\n}": "must begin a line of its own",
    "a.org {\n whoami\n {\n }\n}": "'{' must stand at the end of the line",
    "a.org {\n log\n {\n }\n}": "'{' must stand at the end of the line",
    "a.org {\n}\n} b.org {\n}": "'}' closes nothing",
    "a\\.b.org {\n}": "not a valid domain name",
}


@pytest.fixture(scope="module")
def coredns() -> Path:
    return prepare()["coredns"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def coredns_accepts(coredns: Path, corefile: Path, environment: Mapping[str, str]) -> bool:
    command = ["unshare", "--net", str(coredns), "-conf", corefile.name]
    with subprocess.Popen(
        command,
        cwd=corefile.parent,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(START_SECONDS_MAX, process.kill)
        watchdog.start()
        try:
            said = ""
            for line in process.stdout:
                said += line
                if line.startswith("CoreDNS-"):
                    return True
        finally:
            watchdog.cancel()
            process.kill()
    assert process.returncode == 1, said  # neither the watchdog nor a crash
    return "listen tcp" in said or "listen udp" in said


def we_accept(corefile: Path, environment: Mapping[str, str]) -> bool:
    try:
        parsed = parse(corefile, environment=environment)
        refuse_overlaps((key, "") for block in parsed.blocks for key in block_keys(block))
        for block in parsed.blocks:
            for directive in block.directives:
                check(directive)
    except CorefileError:
        return False
    return True


def check(directive: Directive) -> None:
    """Refuse what CoreDNS's whoami, errors and log refuse, as far as the Corefiles above need it."""
    match directive.name.text:
        case "whoami":
            directive.expect(0, 0)
        case "errors":
            pass
        case "log":
            for line in directive.block or ():
                if line.ends_block:
                    raise line.error("invalid class: }", line.ends_block)
        case _:
            raise directive.error("unknown directive")


@pytest.mark.parametrize("text", ACCEPTED)
def test_both_accept(text: str, coredns: Path, folder: Path) -> None:
    corefile = folder / "Corefile"
    corefile.write_bytes(text.encode())
    assert coredns_accepts(coredns, corefile, ENVIRONMENT)
    assert we_accept(corefile, ENVIRONMENT)


@pytest.mark.parametrize("text", REFUSED)
def test_both_refuse(text: str, coredns: Path, folder: Path) -> None:
    corefile = folder / "Corefile"
    corefile.write_bytes(text.encode())
    assert not we_accept(corefile, ENVIRONMENT)
    assert not coredns_accepts(coredns, corefile, ENVIRONMENT)


@pytest.mark.parametrize("text", REFUSED_BY_US)
def test_only_we_refuse(text: str, coredns: Path, folder: Path) -> None:
    corefile = folder / "Corefile"
    corefile.write_bytes(text.encode())
    with pytest.raises(CorefileError, match=re.escape(REFUSED_BY_US[text])):
        [block_keys(block) for block in parse(corefile, environment=ENVIRONMENT).blocks]
    assert coredns_accepts(coredns, corefile, ENVIRONMENT)
