"""The Corefiles: one server block for each way to configure, each on a port of its own.

So one process answers for all of them, and the question at hand says which is meant. `OURS` stands
where podname's own directive goes. `{$UPSTREAM}` is the scripted name server.

Sources: the Corefiles of kubeadm, k3s and CoreDNS's own README of plugin/kubernetes.
"""

import re
from dataclasses import dataclass
from functools import cached_property

ZONE = "cluster.local"
ALL = f"{ZONE} in-addr.arpa ip6.arpa"
SPACES = "one two three mark toggle"
"""The namespaces that variants with `namespaces` let through."""


@dataclass(frozen=True)
class Variant:
    """A server block: what stands in it, and the zones that `kubernetes` has in it."""

    name: str
    body: str
    zones: tuple[str, ...] = (ZONE, "in-addr.arpa", "ip6.arpa")
    keys: tuple[str, ...] = (".",)

    def block(self) -> str:
        """Return the text for a Corefile, with its port as a variable."""
        keys = " ".join(f"{key}:{{${self.port}}}" for key in self.keys)
        return f"{keys} {{\n    ready {{$READY}}\n{self.body}\n}}\n"

    @property
    def port(self) -> str:
        """The variable of its port."""
        return f"PORT_{self.name.upper()}"

    @property
    def forward_zones(self) -> list[str]:
        """The zones that hold Services."""
        return [zone for zone in self.zones if not zone.endswith("arpa")]

    @cached_property
    def pods(self) -> str:
        """The mode of `pods`."""
        found = re.search(r"pods (\w+)", self.body)
        return found[1] if found else "disabled"

    @cached_property
    def fallthrough(self) -> list[str]:
        """The zones in which the next plugin is asked; the root is empty text."""
        found = re.search(r"^        fallthrough\b(.*)$", self.body, re.MULTILINE)
        return [] if found is None else found[1].split() or [""]

    def has(self, words: str) -> bool:
        """Whether these words stand in it."""
        return bool(re.search(rf"^\s*{words}\b", self.body, re.MULTILINE))


def kubernetes(*lines: str, zones: str = ALL) -> str:
    """Return the directive with these lines."""
    inner = "\n".join(f"        {line}" for line in ("kubeconfig {$KUBECONFIG}", "OURS", *lines))
    return f"    kubernetes {zones} {{\n{inner}\n    }}"


HOSTS = """    hosts {
        10.0.0.99 extra.one.svc.cluster.local web.one.svc.cluster.local extra.example
        fd00::99 extra.example
        ttl 60
        fallthrough
    }"""

VARIANTS = [
    Variant("plain", kubernetes()),
    Variant(
        "kubeadm",
        "    errors\n    loadbalance\n"
        + kubernetes("pods insecure", "fallthrough in-addr.arpa ip6.arpa", "ttl 30"),
    ),
    Variant("verified", kubernetes("pods verified", "endpoint_pod_names", "ttl 0")),
    Variant("falls", kubernetes("pods verified", "fallthrough") + "\n    whoami"),
    Variant(
        "falls_in_zone",
        kubernetes("pods insecure", "endpoint_pod_names", f"fallthrough {ZONE}")
        + "\n    forward . {$UPSTREAM}",
    ),
    Variant("namespaces", kubernetes(f"namespaces {SPACES}", "pods verified", "ttl 3600")),
    Variant("namespace_labels", kubernetes("namespace_labels shown=yes", "pods insecure")),
    Variant(
        "labels", kubernetes("labels team in (a, b),shown", "pods verified", "endpoint_pod_names")
    ),
    Variant("noendpoints", kubernetes("noendpoints", "pods insecure")),
    Variant("ignore_empty", kubernetes("ignore empty_service", "pods verified")),
    Variant(
        "overlapping",
        kubernetes(
            "pods insecure",
            zones=f"{ZONE} sub.{ZONE} other.test 10.in-addr.arpa 1.10.in-addr.arpa "
            "0.8.b.d.0.1.0.0.2.ip6.arpa",
        ),
        (
            *(ZONE, f"sub.{ZONE}", "other.test"),
            *("10.in-addr.arpa", "1.10.in-addr.arpa", "0.8.b.d.0.1.0.0.2.ip6.arpa"),
        ),
    ),
    Variant(
        "cidr",
        kubernetes(
            "pods verified", zones="10.0.0.0/16 10.96.0.0/15 2001:db8::/33 Example.ORG fd00::/8"
        ),
        (
            *("0.10.in-addr.arpa", "96.10.in-addr.arpa", "97.10.in-addr.arpa"),
            *("example.org", "d.f.ip6.arpa"),
            *(f"{nibble}.8.b.d.0.1.0.0.2.ip6.arpa" for nibble in "01234567"),
        ),
    ),
    Variant(
        "keyed",
        kubernetes(zones=""),
        (ZONE, "10.in-addr.arpa"),
        keys=(ZONE, "10.in-addr.arpa"),
    ),
    Variant("hosts_first", HOSTS + "\n" + kubernetes("pods insecure", "fallthrough in-addr.arpa")),
    Variant("bound", "    bind {$ADDRESS}\n" + kubernetes("pods insecure")),
]
"""The block of a kubernetes plugin in every mode, and with what may stand around it."""

CACHED = [
    Variant("cached", "    cache 30\n    loadbalance\n" + kubernetes("pods insecure", "ttl 20")),
    Variant("cached_short", "    cache 3\n" + kubernetes("pods verified", "ttl 30")),
    Variant("cached_zero", "    cache\n" + kubernetes("pods insecure", "ttl 0")),
    Variant(
        "kubeadm_whole",
        "    errors\n    health :{$HEALTH} {\n        lameduck 5s\n    }\n"
        + kubernetes("pods insecure", "fallthrough in-addr.arpa ip6.arpa", "ttl 30")
        + "\n    prometheus :{$METRICS}\n    forward . {$UPSTREAM} {\n        max_concurrent 1000\n    }\n"
        f"    cache 30 {{\n        disable success {ZONE}\n        disable denial {ZONE}\n    }}\n"
        "    loop\n    reload\n    loadbalance",
    ),
]
"""With `cache` before it: what is asked for the first time."""


def corefile(variants: list[Variant], ours: str = "") -> str:
    """Return a Corefile of these blocks, and one for the port that the harness looks at."""
    blocks = [".:{$PORT} {\n    ready {$READY}\n    whoami\n}\n"]
    blocks += [variant.block() for variant in variants]
    return "".join(blocks).replace("        OURS\n", f"        {ours}\n" if ours else "")
