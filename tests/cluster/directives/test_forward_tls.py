"""`forward` to `tls://` upstreams beside CoreDNS: certificates, names, and upstreams that misbehave."""

import datetime
import ssl
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import trustme
from tests.cluster.directives.conftest import Beside
from tests.cluster.harness.namespace import HOST, Namespace
from tests.cluster.oracle.questions import DO, Opt, ask
from tests.cluster.oracle.upstream import TlsUpstream

NAME = "dns.upstream.test"
COREFILE = """.:{{$PORT}} {{
    bind {{$ADDRESS}}
    forward . {to} {{
        max_fails 0
        {more}
    }}
}}
"""
QUESTIONS = [
    ask(f"{name}.example.com", kind, tcp=tcp, opt=opt)
    for name, kind in product(
        ("www", "two", "big", "chain", "empty", "fails", "nothing"), ("A", "TXT")
    )
    for tcp, opt in ((False, None), (True, None), (False, Opt(1232, DO)))
]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Path:
    """Write the authority's certificate and a client's into a folder."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client = authority.issue_cert("client.test")
    client.cert_chain_pems[0].write_to_path(str(tmp_path / "client.pem"))
    client.private_key_pem.write_to_path(str(tmp_path / "client.key"))
    return tmp_path


def context_for(authority: trustme.CA, *names: str, expired: bool = False) -> ssl.SSLContext:
    """Make a server's side, with a certificate for these names."""
    ended = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, not_after=ended if expired else None).configure_cert(context)
    return context


@pytest.fixture
def good(network: Namespace, authority: trustme.CA) -> Iterator[TlsUpstream]:
    server = TlsUpstream(network, context_for(authority, NAME, HOST))
    yield server
    server.close()


@pytest.mark.parametrize(
    ("suffix", "more"),
    [
        ("", "tls {folder}/ca.pem"),
        ("", f"tls {{folder}}/ca.pem\n        tls_servername {NAME}"),
        (f"%{NAME}", "tls {folder}/client.pem {folder}/client.key {folder}/ca.pem"),
        ("", "tls {folder}/ca.pem\n        force_tcp\n        prefer_udp"),
    ],
)
def test_answers_are_the_same(
    suffix: str, more: str, good: TlsUpstream, files: Path, beside: Beside
) -> None:
    to = f"tls://{HOST}{suffix}:{good.port}"
    with beside(COREFILE.format(to=to, more=more.format(folder=files))) as both:
        assert both.check(QUESTIONS) == len(QUESTIONS)
    # CoreDNS and podname keep their connections; each may have been closed for a new one now and then.
    assert 2 <= good.handshakes < len(QUESTIONS)


def test_certificates_are_judged_the_same(
    network: Namespace, authority: trustme.CA, files: Path, beside: Beside
) -> None:
    """One zone for each certificate, and each thing that is asked of it."""
    wants_client = context_for(authority, HOST)
    wants_client.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(wants_client)
    contexts = [
        *(context_for(authority, *names) for names in (("other.test",), (NAME,), (HOST,))),
        context_for(authority, HOST, expired=True),
        wants_client,
    ]
    servers = [TlsUpstream(network, context) for context in contexts]
    options = (
        f"tls {files}/ca.pem",
        f"tls {files}/ca.pem\n        tls_servername {NAME}",
        "tls",
        f"tls {files}/client.pem {files}/client.key {files}/ca.pem",
    )
    forwards = [
        f"    forward c{number}.example.com tls://{server.address} {{\n        {more}\n"
        "        max_fails 0\n        max_connect_attempts 1\n    }\n"
        for number, (server, more) in enumerate(product(servers, options))
    ]
    text = f".:{{$PORT}} {{\n    bind {{$ADDRESS}}\n{''.join(forwards)}}}\n"
    questions = [ask(f"www.c{number}.example.com") for number in range(len(forwards))]
    with beside(text) as both:
        assert both.check(questions) == len(servers) * len(options)
        rcodes = [reply.rcode for question in questions if (reply := both.replies(question)[1])]
    assert rcodes.count(0) == 4
    for server in servers:
        server.close()


def test_upstreams_that_misbehave_are_answered_for_the_same(
    network: Namespace, authority: trustme.CA, files: Path, good: TlsUpstream, beside: Beside
) -> None:
    servers = [
        TlsUpstream(network, context_for(authority, HOST), fault)
        for fault in ("garbage", "eof", "one each")
    ]
    more = f"{{\n        tls {files}/ca.pem\n        policy sequential\n        max_connect_attempts 2\n    }}"
    forwards = [
        f"    forward {zone}{number}.example.com tls://{server.address} {other} {more}\n"
        for number, server in enumerate(servers)
        for zone, other in (("alone", ""), ("beside", f"tls://{good.address}"))
    ]
    text = f".:{{$PORT}} {{\n    bind {{$ADDRESS}}\n{''.join(forwards)}}}\n"
    questions = [
        ask(f"{name}.{zone}{number}.example.com", tcp=True)
        for name, zone in product(("www", "nothing", "big"), ("alone", "beside"))
        for number in range(len(servers))
    ]
    with beside(text) as both:
        assert both.check(questions) == len(questions)
    for server in servers:
        server.close()
