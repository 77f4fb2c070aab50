"""A pod's `dnsConfig` for the way *search*: the namespace's domain of pods, and podname as nameserver if it is given.

Source: Kubernetes, DNS for Services and Pods, "Pod's DNS Config".
"""

from __future__ import annotations

from typing import Any

from podname.attach.containers import Complain
from podname.attach.ways import Options, Owner
from podname.erlang.domains import cluster_searches, pods_domain

_MOST_SEARCHES = 32
_MOST_SEARCH_CHARACTERS = 2048


def search(spec: dict[str, Any], owner: Owner, options: Options, complain: Complain) -> None:
    """Complete a pod's `dnsConfig`."""
    config = spec.setdefault("dnsConfig", {})
    if config is None:
        config = spec["dnsConfig"] = {}
    if not isinstance(config, dict):
        complain(("spec", "dnsConfig"), "dnsConfig must be a mapping")
        return
    wanted = [pods_domain(owner.namespace, options.zone)]
    if options.nameserver is not None:
        wanted += cluster_searches(owner.namespace, options.zone)
        _nameserver(spec, config, str(options.nameserver.address), complain)
    searches = _list(config, "searches", complain)
    searches += [domain for domain in wanted if domain not in searches]
    total = len(" ".join(map(str, searches)))
    if len(searches) > _MOST_SEARCHES or total > _MOST_SEARCH_CHARACTERS:
        message = "Kubernetes takes 32 search domains of 2048 characters together"
        complain(("spec", "dnsConfig", "searches"), message)


def _nameserver(
    spec: dict[str, Any], config: dict[str, Any], address: str, complain: Complain
) -> None:
    servers = _list(config, "nameservers", complain)
    if address not in servers:
        if servers:
            message = f"{servers[0]} is asked first, and its NXDOMAIN is final: remove it, or give no --nameserver"
            complain(("spec", "dnsConfig", "nameservers"), message)
            return
        servers.append(address)
    if spec.get("dnsPolicy", "ClusterFirst") != "Default":
        spec["dnsPolicy"] = "None"
    settings = _list(config, "options", complain)
    names = [setting.get("name") for setting in settings if isinstance(setting, dict)]
    if "ndots" not in names:
        settings.append({"name": "ndots", "value": "5"})


def _list(config: dict[str, Any], key: str, complain: Complain) -> list[Any]:
    value = config.get(key)
    if value is None:
        value = config[key] = []
    if not isinstance(value, list):
        complain(("spec", "dnsConfig", key), f"{key} must be a list")
        return []
    return value
