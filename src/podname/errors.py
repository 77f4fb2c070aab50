"""The errors of podname, one small tree.

::

    PodnameError
    ├── CorefileError        a Corefile says something that cannot be done, with its place
    │   └── NotHere          it names what this machine does not have, and another one may
    ├── ManifestError        an object in a file cannot be read, with its place
    ├── TermError            an Erlang term in a file cannot be read, with its place
    ├── KubeError            the API server, or the way to it
    │   ├── Gone             the resource version is too old: list again
    │   ├── Unauthorized     credentials are missing or no longer good
    │   └── Forbidden        the credentials are good, the permission is missing
    └── ServeError           a query cannot be answered; carries the RCODE that says so

A class's docstring is its default message. Network input never raises any of these out of the packet loop.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word stands. Lines and columns count from one, columns in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class PodnameError(Exception):
    """Something that podname was asked to do cannot be done."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().split("\n")[0])


class CorefileError(PodnameError):
    """The Corefile cannot be used.

    `others` are further errors of the same file, told independently of this one.
    """

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.others: tuple[CorefileError, ...] = ()

    def __str__(self) -> str:
        """Return `file:line:column: message`, the form that editors jump to."""
        return f"{self.place}: {self.message}" if self.place else self.message


class NotHere(CorefileError):
    """The Corefile cannot be used on this machine, but perhaps on another one."""


class ManifestError(PodnameError):
    """An object in a manifest cannot be read."""

    def __init__(self, message: str, file: str, line: int, obj: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.object = obj

    def __str__(self) -> str:
        """Return `file:line: object: message`."""
        who = f" {self.object}:" if self.object else ""
        return f"{self.file}:{self.line}:{who} {self.message}"


class TermError(PodnameError):
    """An Erlang term in a file cannot be read."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place

    def __str__(self) -> str:
        """Return `file:line:column: message`."""
        return f"{self.place}: {self.message}"


class KubeError(PodnameError):
    """The Kubernetes API server did not answer as hoped.

    `code` is the HTTP status or the code of a Status object, 0 when there was none (no connection).
    """

    def __init__(
        self, message: str | None = None, code: int = 0, retry_after_seconds: float = 0.0
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class Gone(KubeError):
    """The resource version is too old: the objects must be listed again."""


class Unauthorized(KubeError):
    """The API server does not accept the credentials."""


class Forbidden(KubeError):
    """The credentials lack a permission."""


class ServeError(PodnameError):
    """A query cannot be answered.

    `rcode` is what the client is told, and with EDNS the code of an extended error, too; the message is for the log of
    the `errors` plugin.
    """

    def __init__(
        self, rcode: int, message: str | None = None, *, extended_error: int | None = None
    ) -> None:
        super().__init__(message)
        self.rcode = rcode
        self.extended_error = extended_error
