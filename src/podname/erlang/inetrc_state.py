"""What `inet_db` holds after it has read an inetrc, and after the VM's first look-up.

Three things surprise:

1. Without `{resolv_conf, ...}` the VM reads /etc/resolv.conf at its first look-up, and its nameservers and search
   domains take the place of those of the inetrc.
2. `{resolv_conf, ...}`, an empty one, too, takes away the nameservers and search domains that stand above it.
3. A directive that is not taken ends the reading (see `inetrc_directives`).

Everything that is in effect is kept with the directive that put it there, so that whoever takes it away can be named.

Source: Erlang/OTP lib/kernel/src/inet_db.erl (handle_rc_list, handle_set_file, res_update_conf),
inet_config.erl (init).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from podname.dns.nameserver import Nameserver
from podname.erlang.inetrc_directives import (
    FILE_TYPES,
    LOOKUP_WORDS,
    is_taken,
    name_of,
    nameserver_of,
)
from podname.erlang.terms import Term, as_text

ADDED = {"nameserver": "nameservers", "alt_nameserver": "alt_nameservers", "search": "search"}
CLEARED = {
    "clear_ns": ("nameservers", "alt_nameservers"),
    "clear_search": ("search",),
    "clear_hosts": ("hosts",),
    "resolv_conf": ("nameservers", "search"),
}
"""What each directive empties."""


@dataclass(frozen=True, slots=True)
class Undone:
    """A directive and what undid it; None is the VM's first look-up, which reads resolv.conf."""

    directive: Term
    by: Term | None


@dataclass
class State:
    """What is in effect. Each entry of a list, and each option, with its directive."""

    lists: dict[str, dict[str, Term]] = field(
        default_factory=lambda: {
            name: {} for name in ("nameservers", "alt_nameservers", "search", "hosts")
        }
    )
    options: dict[str, Term] = field(default_factory=dict)
    undone: list[Undone] = field(default_factory=list)
    refused: Term | None = None
    ignored: tuple[Term, ...] = ()
    _default_lookup: tuple[str, ...] = ("native",)

    @property
    def lookup(self) -> tuple[str, ...]:
        """The methods that resolve a host, `native` unless the file says otherwise."""
        directive = self.options.get("lookup")
        return methods(directive) if directive else self._default_lookup

    def entries(self, name: str) -> tuple[str, ...]:
        """Return the entries of a list, as text."""
        return tuple(self.lists[name])

    def servers(self, name: str) -> tuple[Nameserver, ...]:
        """Return the nameservers of a list."""
        return tuple(map(nameserver_of, self.lists[name].values()))

    def text(self, option: str) -> str | None:
        """Return an option that is a string."""
        directive = self.options.get(option)
        return as_text(directive.items[1]) if directive else None

    def _clear(self, names: Iterable[str], by: Term | None) -> None:
        for name in names:
            gone = dict.fromkeys(self.lists[name].values())
            self.undone += (Undone(directive, by) for directive in gone)
            self.lists[name] = {}

    def _apply(self, directive: Term) -> None:
        name = name_of(directive) or ""
        self._clear(CLEARED.get(name, ()), directive)
        if name == "reset":
            self._clear(("nameservers", "alt_nameservers", "search"), directive)
            self._reset(directive)
        elif name in ADDED:
            for entry in _entries(directive, name):
                self.lists[ADDED[name]].pop(entry, None)  # the same once more goes to the end
                self.lists[ADDED[name]][entry] = directive
        elif name == "host":
            self.lists["hosts"][str(directive.items[1])] = directive
        elif directive.kind == "tuple":
            self._set(name, directive)

    def _reset(self, directive: Term) -> None:
        kept = {"resolv_conf", "hosts_file"} & self.options.keys()
        self.undone += (
            Undone(old, directive) for name, old in self.options.items() if name not in kept
        )
        self.options = {name: self.options[name] for name in kept}
        self._default_lookup = ()

    def _set(self, name: str, directive: Term) -> None:
        old = self.options.get(name)
        if old is not None:
            self.undone.append(Undone(old, directive))
        self.options[name] = directive

    def first_lookup(self) -> None:
        """Let the VM resolve something for the first time."""
        if "resolv_conf" not in self.options:
            self._clear(("nameservers", "search"), None)


def _entries(directive: Term, name: str) -> tuple[str, ...]:
    if name == "search":
        return tuple(as_text(item) or "" for item in directive.items[1].items)
    return (f"{{{directive.items[1]},{nameserver_of(directive).port}}}",)


def methods(directive: Term) -> tuple[str, ...]:
    """Return the methods of a `lookup` directive that there are; the VM drops the others without a word."""
    words = (word_of(item) for item in directive.items[1].items)
    return tuple(LOOKUP_WORDS[word] for word in words if word in LOOKUP_WORDS)


def word_of(method: Term) -> str:
    """Return a method's word, written as an atom or as a string."""
    return str(method.value) if method.kind == "atom" else as_text(method) or str(method)


def load(directives: Sequence[Term]) -> State:
    """Read a list of directives as the VM does at its start."""
    state = State()
    for directive in directives:
        if is_file(directive) and not _is_known_file(directive):
            state.refused, state.ignored = (
                directive,
                tuple(d for d in directives if d is not directive),
            )
            return state
    rest = [directive for directive in directives if not is_file(directive)]
    for number, directive in enumerate(rest):
        if not is_taken(directive):
            state.refused, state.ignored = directive, tuple(rest[number + 1 :])
            break
        state._apply(directive)
    return state


def is_file(directive: Term) -> bool:
    """Tell `{file, Type, Path}` and `{registry, win32}`, which are read before everything else."""
    name = name_of(directive)
    return (name == "file" and len(directive.items) == 3) or (
        name == "registry" and len(directive.items) == 2
    )


def _is_known_file(directive: Term) -> bool:
    kind = directive.items[1]
    return kind.kind == "atom" and kind.value in FILE_TYPES
