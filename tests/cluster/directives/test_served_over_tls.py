"""Blocks served over TLS and HTTPS, beside CoreDNS: answers, clients' certificates, wrong requests, hostile clients."""

import base64
import contextlib
import http.client
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import dns.message
import pytest
import trustme
from tests.cluster.directives.conftest import Beside
from tests.cluster.harness.namespace import HOST
from tests.cluster.harness.servers import DnsServer
from tests.cluster.oracle.comparing import differences
from tests.cluster.oracle.messages import read
from tests.cluster.oracle.questions import DO, Opt, Question, ask

COREFILE = """tls://.:{{$P1}} https://.:{{$P2}} .:{{$PORT}} {{
    bind {{$ADDRESS}}
    tls {folder}/server.pem {folder}/server.key {more}
    hosts {{
        192.0.2.1 here.example.org
        fallthrough
    }}
    forward . {{$UPSTREAM}}
}}
"""
QUESTIONS = [
    ask(name, kind, opt=opt)
    for name, kind in product(
        (
            "here.example.org",
            "www.example.com",
            "big.example.com",
            "nothing.example.com",
            "fails.example.com",
        ),
        ("A", "TXT"),
    )
    for opt in (None, Opt(512), Opt(4096, DO))
]
AUTHENTICATIONS = ("nocert", "request", "verify_if_given", "require_and_verify")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Path:
    """Write certificates: of the server, the authority, a client, and a client of somebody else's."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name, issuer in (("server", authority), ("client", authority), ("stranger", trustme.CA())):
        made = issuer.issue_cert(HOST)
        made.cert_chain_pems[0].write_to_path(str(tmp_path / f"{name}.pem"))
        made.private_key_pem.write_to_path(str(tmp_path / f"{name}.key"))
    return tmp_path


def context_of(files: Path, client: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files / "ca.pem"))
    if client:
        context.load_cert_chain(files / f"{client}.pem", files / f"{client}.key")
    return context


@contextlib.contextmanager
def connected(server: DnsServer, port: str) -> Iterator[socket.socket]:
    with server.namespace.open_socket(socket.SOCK_STREAM) as plain:
        plain.settimeout(10)
        plain.connect((HOST, int(server.variables[port])))
        yield plain


def over_tls(
    server: DnsServer, files: Path, questions: list[Question], client: str = ""
) -> list[bytes]:
    """Ask all on one connection, in order."""
    replies = []
    with (
        connected(server, "P1") as plain,
        context_of(files, client).wrap_socket(plain, server_hostname=HOST) as tls,
    ):
        stream = tls.makefile("rwb")
        for number, question in enumerate(questions):
            packet = question.packet(number)
            stream.write(len(packet).to_bytes(2, "big") + packet)
            stream.flush()
            octets = stream.read(2)
            replies.append(stream.read(int.from_bytes(octets, "big"))[2:])
    return replies


class Https:
    """One connection over HTTPS."""

    def __init__(self, stack: contextlib.ExitStack, server: DnsServer, files: Path) -> None:
        plain = stack.enter_context(connected(server, "P2"))
        self._client = http.client.HTTPConnection(HOST)
        self._client.sock = stack.enter_context(
            context_of(files).wrap_socket(plain, server_hostname=HOST)
        )

    def ask(self, method: str, target: str, body: bytes | None = None) -> tuple[object, ...]:
        """Return status, content type, cache-control and body."""
        self._client.request(method, target, body)
        response = self._client.getresponse()
        header = response.headers.get
        octets = response.read()
        return response.status, header("content-type"), header("cache-control"), octets

    def get(self, question: Question) -> tuple[object, ...]:
        packet = base64.urlsafe_b64encode(question.packet(0)).rstrip(b"=").decode()
        return self.ask("GET", f"/dns-query?dns={packet}")


def compare(theirs: bytes, ours: bytes) -> list[str]:
    return differences(read(b"\0\0" + theirs), read(b"\0\0" + ours), lambda: (None, None))


def test_answers_over_tls_are_the_same(files: Path, beside: Beside) -> None:
    with beside(COREFILE.format(folder=files, more="")) as both:
        theirs, ours = (over_tls(each, files, QUESTIONS) for each in (both.coredns, both.podname))
    assert len(ours) == len(theirs) == len(QUESTIONS)
    assert [compare(*pair) for pair in zip(theirs, ours, strict=True)] == [[]] * len(QUESTIONS)


BAD_REQUESTS: list[tuple[str, str, bytes | None]] = [
    ("GET", "/", None),
    ("GET", "/dns-query", None),
    ("GET", "/dns-query?dns=", None),
    ("GET", "/dns-query?dns=AAAA", None),
    ("GET", "/dns-query?dns=!!!!", None),
    ("GET", "/dns-query?dns=AAAA=", None),
    ("GET", "/dns-query?dns=AAAA&dns=AAAA", None),
    ("GET", "/dns-query/?dns=AAAA", None),
    ("POST", "/dns-query", b""),
    ("POST", "/dns-query", b"x" * 40),
    ("POST", "/other", b"x" * 40),
    ("PUT", "/dns-query", b"x" * 40),
    ("DELETE", "/dns-query", None),
]


def test_answers_over_https_are_the_same(files: Path, beside: Beside) -> None:
    with beside(COREFILE.format(folder=files, more="")) as both, contextlib.ExitStack() as stack:
        coredns, podname = (Https(stack, each, files) for each in (both.coredns, both.podname))
        for question in QUESTIONS:
            for said in (
                [each.get(question) for each in (coredns, podname)],
                [each.ask("POST", "/dns-query", question.packet(0)) for each in (coredns, podname)],
            ):
                (*their_head, theirs), (*our_head, ours) = said
                assert our_head == their_head, question
                assert isinstance(theirs, bytes)
                assert isinstance(ours, bytes)
                assert compare(theirs[2:], ours[2:]) == [], question
        for request in BAD_REQUESTS:
            theirs_told, ours_told = coredns.ask(*request)[0], podname.ask(*request)[0]
            assert ours_told == theirs_told, request


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
def test_clients_are_let_in_the_same(authentication: str, files: Path, beside: Beside) -> None:
    more = f"{files}/ca.pem {{\n        client_auth {authentication}\n    }}"
    let_in = []
    with beside(COREFILE.format(folder=files, more=more)) as both:
        for server, client in product((both.coredns, both.podname), ("", "client", "stranger")):
            try:
                let_in.append(bool(over_tls(server, files, [QUESTIONS[0]], client)[0]))
            except OSError:
                let_in.append(False)
    # CoreDNS looks at no certificate under `request`, podname asks for none.
    assert let_in[3:] == let_in[:3]
    assert let_in[1]


def test_without_a_certificate_it_is_served_in_the_clear(beside: Beside) -> None:
    text = "tls://.:{$P1} .:{$PORT} {\n    bind {$ADDRESS}\n    forward . {$UPSTREAM}\n}\n"
    query = dns.message.make_query("www.example.com", "A")
    with beside(text) as both:
        for server in (both.coredns, both.podname):
            with connected(server, "P1") as plain:
                packet = query.to_wire()
                plain.sendall(len(packet).to_bytes(2, "big") + packet)
                with plain.makefile("rb") as stream:
                    length = int.from_bytes(stream.read(2), "big")
                    assert dns.message.from_wire(stream.read(length)).answer


def test_a_new_certificate_is_shown_without_a_restart(
    authority: trustme.CA, files: Path, beside: Beside
) -> None:
    with beside(COREFILE.format(folder=files, more="")) as both:
        server = both.podname
        made = authority.issue_cert("renewed.test", HOST)
        made.private_key_pem.write_to_path(str(files / "server.key"))
        made.cert_chain_pems[0].write_to_path(str(files / "server.pem"))

        def names() -> str:
            with (
                connected(server, "P1") as plain,
                context_of(files).wrap_socket(plain, server_hostname=HOST) as tls,
            ):
                return str(tls.getpeercert())

        server.program.wait_until(lambda: "renewed.test" in names())


def test_clients_that_are_slow_or_talk_nonsense_keep_nobody_waiting(
    files: Path, beside: Beside
) -> None:
    with (
        beside(COREFILE.format(folder=files, more="")) as both,
        contextlib.ExitStack() as stack,
    ):
        server = both.podname
        for number, octets in product(
            range(60), (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02")
        ):
            plain = stack.enter_context(connected(server, "P1" if number % 2 else "P2"))
            plain.sendall(octets)
        assert over_tls(server, files, QUESTIONS[:3])
        assert Https(stack, server, files).get(QUESTIONS[0])[0] == 200


def test_one_client_holds_no_more_connections_than_its_share(files: Path, beside: Beside) -> None:
    """Those in their handshake count: of 400 that say nothing the rest is closed at once."""
    with (
        beside(COREFILE.format(folder=files, more="")) as both,
        contextlib.ExitStack() as stack,
    ):
        server = both.podname
        for port in ("P1", "P2"):
            silent = [stack.enter_context(connected(server, port)) for _ in range(400)]
            closed = 0
            for plain in silent:
                plain.settimeout(0.01)
                with contextlib.suppress(TimeoutError):
                    closed += plain.recv(1) == b""
            assert closed >= 100, port


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_asks_over_http2(files: Path, beside: Beside) -> None:
    with beside(COREFILE.format(folder=files, more="")) as both:
        server = both.podname
        target = f"https://{HOST}:{server.variables['P2']}/dns-query"
        (files / "query").write_bytes(ask("www.example.com").packet(0))
        command = ["curl", "--silent", "--show-error", "--http2", "--cacert", str(files / "ca.pem")]
        command += ["--data-binary", f"@{files}/query", "--output", str(files / "reply")]
        command += ["--write-out", "%{http_version} %{response_code}", target]
        done = subprocess.run(
            [*server.namespace.into(network_only=True), *command],
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout == "2 200"
        assert dns.message.from_wire((files / "reply").read_bytes()).answer


def test_connections_end_after_as_many_questions_as_they_may_ask(
    files: Path, beside: Beside
) -> None:
    text = COREFILE.format(folder=files, more="").replace(
        "    hosts {", "    timeouts {\n        maxtcpqueries 2\n    }\n    hosts {"
    )
    with beside(text) as both:
        for server in (both.coredns, both.podname):
            assert over_tls(server, files, QUESTIONS[:3])[2] == b""
