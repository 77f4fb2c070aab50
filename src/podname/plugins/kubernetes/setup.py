"""Set up the `kubernetes` directive.

Source: CoreDNS plugin/kubernetes setup.go; README.md beside this file.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive, normalize_zones
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
    plugin.named_zones = tuple(named_zones(word) for word in directive.arguments)
    return plugin


def parse(directive: Directive, context: Context) -> Options:
    """Read the directive. Raises CorefileError."""
    zones = tuple(normalize_zones(directive.arguments)) or context.zones
    if all(is_reverse(from_text(zone)) for zone in zones):
        raise directive.error("non-reverse zone name must be used")
    options = Options.read(directive, context, zones=zones)
    if options.namespaces and options.namespace_labels:
        raise directive.error("namespaces and namespace_labels cannot both be set")
    if options.manifests and (options.endpoint or options.kubeconfig):
        raise directive.error("manifests cannot be combined with endpoint or kubeconfig")
    if options.in_cluster and not context.elsewhere:
        _look_for_cluster(directive)
    return options


def _look_for_cluster(directive: Directive) -> None:
    try:
        in_cluster()
    except KubeError as error:
        raise NotHere(str(error), directive.name.place) from None
