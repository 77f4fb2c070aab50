"""How log lines look: CoreDNS's text, `[INFO] plugin/forward: message`, or one JSON object a line.

A logger's name says which plugin speaks: `podname.plugins.forward.handler` is `plugin/forward`, and
what watches and compiles the cluster speaks for `kubernetes`. Everything goes to standard output, as
with CoreDNS. Libraries are heard from warnings on.

Sources: CoreDNS plugin/pkg/log (text and `-log-format json`); RFC 3339.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from podname.text import EscapingFormatter, escaped_json

_TEXT_LEVELS = {"CRITICAL": "FATAL"}
_JSON_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_KUBERNETES = {"kube", "names"}


def configure_logs(form: str, stream: TextIO | None = None) -> None:
    """Let all loggers write to `stream` (standard output) in the form `text` or `json`."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a reader that goes away is no reason to write to stderr
    set_debug(on=False)


def set_debug(*, on: bool) -> None:
    """Let podname's own loggers speak from debug or from info on."""
    logging.getLogger("podname").setLevel(logging.DEBUG if on else logging.INFO)


def plugin_of(record: logging.LogRecord) -> str:
    """Name the plugin that speaks, '' for the server itself."""
    parts = record.name.split(".")
    if parts[0] != "podname" or len(parts) < 2:
        return ""
    if parts[1] in _KUBERNETES:
        return "kubernetes"
    return parts[2] if parts[1] == "plugins" and len(parts) > 2 else ""


class TextFormatter(EscapingFormatter):
    """`[LEVEL] plugin/name: message`, a traceback below it."""

    def line(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        level = _TEXT_LEVELS.get(record.levelname, record.levelname)
        plugin = plugin_of(record)
        return f"[{level}] {f'plugin/{plugin}: ' if plugin else ''}{record.message}"


class JsonFormatter(EscapingFormatter):
    """`time`, `level`, `msg`, `plugin`, and the fields that a record brings along."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        out: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": _JSON_LEVELS.get(record.levelname, record.levelname),
            "msg": message.encode("utf-8", "backslashreplace").decode(),  # surrogates
        }
        if plugin := plugin_of(record):
            out["plugin"] = plugin
        if fields := getattr(record, "fields", None):
            out |= fields()
        return escaped_json(msgspec.json.encode(out).decode())
