"""Exec plugins: a program of the user's that prints credentials (`aws eks get-token`, `gke-gcloud-auth-plugin`, …).

It is told what we can take in KUBERNETES_EXEC_INFO and answers with an ExecCredential: a token, a client certificate,
or both, and when they expire. It runs beside the event loop, has a minute, and can ask nobody anything.

Sources: client.authentication.k8s.io/v1 and v1beta1; client-go plugin/pkg/client/auth/exec.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from podname.errors import KubeError
from podname.kube.config import ExecConfig

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
DEADLINE_SECONDS = 60.0
_OUTPUT_OCTETS_MAX = 1024 * 1024
_LEEWAY = timedelta(seconds=10)


class Credential(Struct, frozen=True):
    """What a plugin gave."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires_at: datetime | None = None

    @property
    def has_expired(self) -> bool:
        """Whether the plugin must be asked again; without a date it need not, until the API server says 401."""
        return self.expires_at is not None and datetime.now(UTC) >= self.expires_at - _LEEWAY


class _Status(Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _ExecCredential(Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""
    status: _Status | None = None


async def run_plugin(config: ExecConfig, deadline_seconds: float = DEADLINE_SECONDS) -> Credential:
    """Ask the plugin. Raises KubeError that names it and shows what it wrote to stderr."""
    if config.api_version not in API_VERSIONS:
        known = " and ".join(API_VERSIONS)
        raise KubeError(
            f"exec plugin {config.command}: {config.api_version!r} is not supported, {known} are"
        )
    if config.interactive_mode == "Always":
        raise KubeError(f"exec plugin {config.command} wants a terminal (interactiveMode Always)")
    code, output, errors = await _run(config, deadline_seconds)
    if code != 0:
        said = errors.decode("utf-8", "replace").strip()[-500:]
        raise KubeError(f"exec plugin {config.command} ended with code {code}: {said}")
    return _read(config, output)


async def _run(config: ExecConfig, deadline_seconds: float) -> tuple[int | None, bytes, bytes]:
    try:
        process = await asyncio.create_subprocess_exec(
            config.command,
            *config.arguments,
            env={**os.environ, **config.environment, "KUBERNETES_EXEC_INFO": _told(config)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        hint = f"; {config.install_hint}" if config.install_hint else ""
        raise KubeError(f"exec plugin {config.command}: {error.strerror}{hint}") from error
    try:
        async with asyncio.timeout(deadline_seconds):
            output, errors = await process.communicate()
    except TimeoutError:
        raise KubeError(f"exec plugin {config.command} took over {deadline_seconds:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode, output[:_OUTPUT_OCTETS_MAX], errors


def _told(config: ExecConfig) -> str:
    spec: dict[str, object] = {"interactive": False}
    if config.cluster is not None:
        spec["cluster"] = config.cluster
    told = {"apiVersion": config.api_version, "kind": "ExecCredential", "spec": spec}
    return msgspec.json.encode(told).decode()


def _read(config: ExecConfig, output: bytes) -> Credential:
    try:
        found = msgspec.json.decode(output, type=_ExecCredential)
    except (msgspec.DecodeError, ValueError) as error:
        raise KubeError(f"exec plugin {config.command} gave no ExecCredential: {error}") from error
    if found.api_version != config.api_version:
        raise KubeError(
            f"exec plugin {config.command} answered with {found.api_version!r},"
            f" {config.api_version!r} was asked for"
        )
    status = found.status or _Status()
    certificate, key = status.client_certificate_data or "", status.client_key_data or ""
    if not status.token and not (certificate and key):
        raise KubeError(f"exec plugin {config.command} gave no token and no certificate with key")
    expires_at = status.expiration_timestamp
    if expires_at is not None and expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=UTC)
    return Credential(status.token or "", certificate.encode(), key.encode(), expires_at)
