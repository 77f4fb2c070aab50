"""Set up the `kubernetes` directive.

Source: CoreDNS plugin/kubernetes setup.go; README.md beside this file.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive, normalize_zones
from podname.corefile.findings import Findings
from podname.corefile.zones import good_zones
from podname.dns.names import from_text
from podname.errors import KubeError, NotHere
from podname.kube.config import in_cluster
from podname.names.options import is_reverse
from podname.plugins.base import Context, Plugin, named_zones, once
from podname.plugins.kubernetes.handler import Kubernetes
from podname.plugins.kubernetes.options import Options


def setup(directives: Sequence[Directive], context: Context) -> Plugin:
    """Make the plugin. Raises CorefileError; touches neither the network nor the manifests."""
    directive = once(directives)
    plugin = Kubernetes(parse(directive, context), context)
    zones = good_zones(directive.arguments, lambda _: None)
    plugin.named_zones = tuple(named_zones(word) for word in zones)
    return plugin


def parse(directive: Directive, context: Context) -> Options:
    """Read the directive. Raises CorefileError."""
    found = Findings()
    options = Options(zones=_zones(directive, context))
    if all(is_reverse(from_text(zone)) for zone in options.zones):
        found.report(directive.name, "non-reverse zone name must be used")
    with found.gathered():
        options = Options.read(directive, context, zones=options.zones)
    found.raise_all()
    if options.namespaces and options.namespace_labels:
        raise directive.error("namespaces and namespace_labels cannot both be set")
    if options.manifests and (options.endpoint or options.kubeconfig):
        raise directive.error("manifests cannot be combined with endpoint or kubeconfig")
    if options.in_cluster and not context.elsewhere:
        _look_for_cluster(directive)
    return options


def _zones(directive: Directive, context: Context) -> tuple[str, ...]:
    if not directive.arguments:
        return context.zones
    return tuple(normalize_zones(good_zones(directive.arguments, context.warn)))


def _look_for_cluster(directive: Directive) -> None:
    try:
        in_cluster()
    except KubeError as error:
        raise NotHere(str(error), directive.name.place) from None
