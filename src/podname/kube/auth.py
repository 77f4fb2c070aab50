"""Being let in: tokens and certificates that are renewed while we run.

* A projected token lives an hour or less, and the kubelet replaces the file: it is read again after at most 60 s, and
  at once when the API server says 401. So are the CA and the client's certificate and key, which make a new TLS
  context when they changed. A file that cannot be read for now costs nothing: what it held is still used.
* An exec plugin (`podname.kube.plugin`) is asked again when its credentials expire, and after a 401.

Sources: client-go transport `token_source.go` (period 1 min), `cert_rotation.go`; RFC 6750.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import tempfile

from podname.errors import KubeError
from podname.kube.config import ClusterConfig
from podname.kube.files import read_file
from podname.kube.plugin import Credential, run_plugin
from podname.runtime.clock import Clock

logger = logging.getLogger(__name__)

REREAD_AFTER_SECONDS = 60.0


class Credentials:
    """What to show the API server; may be asked before each request, and costs nothing most of the time."""

    def __init__(self, config: ClusterConfig, clock: Clock) -> None:
        self.config = config
        self._clock = clock
        self._read_at = float("-inf")
        self._has_read = False
        self._token = config.token
        self._pems: tuple[bytes, bytes, bytes] | None = None
        self._context: ssl.SSLContext | None = None
        self._given: Credential | None = None
        self._lock = asyncio.Lock()
        self.generation = 0  # of what was read

    async def headers(self) -> dict[str, str]:
        """Return the headers of a request. Raises KubeError when a file cannot be read or a plugin fails."""
        await self._refresh()
        token = (self._given and self._given.token) or self._token
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context, another one after something changed; None for http."""
        await self._refresh()
        return self._context

    def renew(self, generation: int) -> None:
        """The API server refused what was read as `generation`: read everything anew, unless somebody did."""
        if generation == self.generation:
            self.generation += 1
            self._read_at = float("-inf")
            self._given = None

    async def _refresh(self) -> None:
        async with self._lock:
            await self._refresh_once()

    async def _refresh_once(self) -> None:
        plugin = self.config.plugin
        if plugin is not None and (self._given is None or self._given.has_expired):
            self._given = await run_plugin(plugin)
            self._read_at = float("-inf")
        now = self._clock.monotonic()
        if now - self._read_at < REREAD_AFTER_SECONDS:
            return
        try:
            self._read()
        except KubeError as error:
            if not self._has_read:
                raise
            logger.warning("%s; what was read before is still used", error)
        self._has_read = True
        self._read_at = now

    def _read(self) -> None:
        config = self.config
        if config.token_file is not None:
            self._token = read_file(config.token_file).decode("utf-8", "replace").strip()
        if not config.server.startswith("https:"):
            return
        certificate, key = self._certificate_and_key()
        pems = (config.ca.read() if config.ca else b"", certificate, key)
        if pems != self._pems:
            self._context = tls_context(*pems, insecure=config.insecure)
            self._pems = pems

    def _certificate_and_key(self) -> tuple[bytes, bytes]:
        if self._given is not None and self._given.certificate:
            return self._given.certificate, self._given.key
        certificate, key = self.config.certificate, self.config.key
        return (certificate.read() if certificate else b"", key.read() if key else b"")


def tls_context(ca: bytes, certificate: bytes, key: bytes, *, insecure: bool) -> ssl.SSLContext:
    """Make a TLS context of PEM texts; without `ca` the system's authorities count.

    Made by hand, since `ssl.create_default_context` is stricter from Python 3.13 on than the certificates that
    clusters make for themselves; and whatever stands in `ca` is trusted as it is, as in Go.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        if insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif ca:
            context.load_verify_locations(cadata=ca.decode("ascii", "ignore"))
        else:
            context.load_default_certs()
        if certificate:
            _load_chain(context, certificate, key)
    except (ssl.SSLError, ValueError) as error:
        raise KubeError(f"the certificates for the API server cannot be used: {error}") from error
    return context


def _load_chain(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Python reads certificates from files only: lend it one that nobody else can read."""
    with tempfile.NamedTemporaryFile(prefix="podname-", suffix=".pem") as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        context.load_cert_chain(file.name, password=_no_password)


def _no_password() -> str:
    raise ValueError("the client's key needs a password")
