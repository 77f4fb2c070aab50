"""What `import NAME` brings: the snippet of that name, or else files.

A snippet is a block whose key is in parentheses, `(name) { … }`: words to be used again. The name of a file is relative
to the file that imports it. One `*` and one `?` may stand in it; the files that match come in the order of their names,
hidden ones too. A pattern that matches nothing is a warning, since a folder of custom files may be empty; a file that
is named without a pattern must exist.

Sources: coredns/caddy caddyfile/parse.go (doImport, isSnippet); Go path/filepath.Glob.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from podname.corefile.lexer import Word, words
from podname.corefile.stream import Source, TooManyImports
from podname.corefile.tree import Token
from podname.errors import CorefileError

SNIPPET_IMPORTS_MAX = 10_000
FILE_IMPORTS_MAX = 100_000
FILE_OCTETS_MAX = 16 * 1024 * 1024


class Library:
    """The snippets and files that a Corefile imports. A file is read once, however often named."""

    def __init__(self, warn: Callable[[Token, str], None]) -> None:
        self._warn = warn
        self._snippets: dict[str, tuple[Token, Sequence[Word]]] = {}
        self._files: dict[str, Source] = {}
        self._snippet_imports = 0
        self._file_imports = 0

    def define(self, key: Token, name: str, body: Sequence[Word]) -> None:
        """Keep a snippet. Raises CorefileError if its name is taken or it imports itself."""
        if name in self._snippets:
            first = self._snippets[name][0].place
            message = f"redeclaration of previously declared snippet '{name}' ({first})"
            raise CorefileError(message, key.place)
        self._snippets[name] = key, body
        for word, following in itertools.pairwise(body):
            if word.token.text == "import" and word.starts_line and following.token.text == name:
                raise CorefileError(f"snippet '{name}' imports itself", word.token.place)

    def find(self, pattern: Token) -> list[Source]:
        """Return the sources that `import pattern` stands for. Raises CorefileError."""
        if pattern.text in self._snippets:
            self._snippet_imports += 1
            _refuse_more_than(SNIPPET_IMPORTS_MAX, self._snippet_imports, pattern)
            return [Source(f"({pattern.text})", self._snippets[pattern.text][1])]
        self._file_imports += 1
        _refuse_more_than(FILE_IMPORTS_MAX, self._file_imports, pattern)
        return [self._file(path, pattern) for path in self._paths(pattern)]

    def _paths(self, pattern: Token) -> list[str]:
        folder = os.path.dirname(pattern.place.file)  # noqa: PTH120 - text, as the user wrote it
        path = os.path.normpath(os.path.join(folder, pattern.text))  # noqa: PTH118
        if path.count("*") > 1 or path.count("?") > 1 or "[" in path:
            message = f"glob pattern may only contain one wildcard (*): '{path}'"
            raise CorefileError(message, pattern.place)
        if "*" not in path and "?" not in path:
            return [path]
        paths = _glob(path)
        if not paths:
            self._warn(pattern, f"no files match the import pattern '{pattern.text}'")
        return paths

    def _file(self, path: str, pattern: Token) -> Source:
        if path not in self._files:
            try:
                text = read_text(path)
            except FileNotFoundError:
                message = f"file to import not found: '{path}'"
                raise CorefileError(message, pattern.place) from None
            except (OSError, ValueError) as error:
                message = f"could not import '{path}': {explained(error)}"
                raise CorefileError(message, pattern.place) from None
            self._files[path] = Source(path, list(words(text, path)))
        return self._files[path]


def read_text(path: str | Path) -> str:
    """Read a file; what is not UTF-8 becomes U+FFFD, as in Go. Raises OSError, ValueError."""
    with Path(path).open("rb") as file:
        octets = file.read(FILE_OCTETS_MAX + 1)
    if len(octets) > FILE_OCTETS_MAX:
        raise ValueError(f"it is larger than {FILE_OCTETS_MAX >> 20} MiB")
    return octets.decode("utf-8", "replace")


def explained(error: OSError | ValueError) -> str:
    """Return what the system says about a file, without its name and number."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _refuse_more_than(most: int, count: int, pattern: Token) -> None:
    if count > most:
        raise TooManyImports(f"maximum number of imports ({most}) exceeded", pattern.place)


def _glob(pattern: str) -> list[str]:
    """Return the paths that match: a wildcard stays in its component and finds hidden names too."""
    found = [""]
    for component in pattern.split("/"):
        found = [
            f"{folder}{name}/"
            for folder in found
            for name in (_matches(folder, component) if set(component) & set("*?") else [component])
        ]
    return [
        path for path in (folder.removesuffix("/") for folder in found) if os.path.lexists(path)
    ]


def _matches(folder: str, pattern: str) -> list[str]:
    try:
        return sorted(fnmatch.filter(os.listdir(folder or "."), pattern))  # noqa: PTH208
    except (OSError, ValueError):
        return []  # as Go's Glob: what cannot be listed does not match
