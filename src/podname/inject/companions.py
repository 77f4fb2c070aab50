"""The objects that injected workloads need beside them: a ConfigMap, a headless Service, the beams, a certificate.

Source: Kubernetes API reference: ConfigMap v1, Service v1, Secret v1; cert-manager.io/v1 Certificate.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from podname.attach.ways import BEAMS_NAME, CERTIFICATES, Options, Owner, domain_of, service_of
from podname.erlang.domains import pods_domain
from podname.erlang.environment import EPMD_PORT
from podname.erlang.inetrc import inetrc
from podname.erlang.optfile import optfile

PUBLISH = "podname.dev/publish"
"""The annotation by which `podname publish` knows a Service; see `publish/choosing.py`."""

_REMOTE = """\
# In place of the release's own remote.vm.args: a shell into a running node must not listen on that node's port.
# The port is in ERL_AFLAGS. Given twice, the Erlang VM would take it for not given.
-dist_listen false
"""


def files(owner: Owner, options: Options, spec: dict[str, Any]) -> dict[str, Any]:
    """Return the workload's ConfigMap."""
    data: dict[str, str] = {}
    namespace = owner.namespace
    if options.via == "inetrc" and options.nameserver is not None:
        data["inetrc"] = inetrc(
            options.nameserver,
            "additive",
            pods_domain(namespace, options.zone) if namespace else "",
            over_tcp=options.dns_over_tcp,
        )
    if options.port is not None and options.via != "epmd":
        data["remote.vm.args"] = _REMOTE
    if options.tls:
        domain = domain_of(options, owner, spec, namespace)
        data["ssl_dist.conf"] = optfile(CERTIFICATES, domain, short=options.via == "search")
    return _object("v1", "ConfigMap", owner.files) | {"data": data}


def beams(compiled: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the ConfigMap with the compiled module."""
    data = {name: base64.b64encode(octets).decode() for name, octets in sorted(compiled.items())}
    return _object("v1", "ConfigMap", BEAMS_NAME) | {"binaryData": data}


def service(
    owner: Owner,
    options: Options,
    spec: dict[str, Any],
    labels: Mapping[str, str],
    *,
    publish: bool,
) -> dict[str, Any]:
    """Return the headless Service that names the pods, ready or not. One to publish has no selector of its own."""
    name = service_of(options, owner, spec)
    port = options.port or EPMD_PORT
    made = _object("v1", "Service", name)
    if publish:
        made["metadata"]["annotations"] = {
            PUBLISH: ",".join(f"{key}={value}" for key, value in labels.items())
        }
    made["spec"] = {"clusterIP": "None", "publishNotReadyAddresses": True}
    if not publish:
        made["spec"]["selector"] = dict(labels)
    made["spec"]["ports"] = [{"name": "erlang" if options.port else "epmd", "port": port}]
    return made


def _object(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
