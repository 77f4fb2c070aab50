"""Zones as files hold them, and answers out of them: what `file` and its kin serve.

It knows nothing of Kubernetes, nor of the Corefile.
"""

from podname.zones.lookup import Found, Lookup, Result
from podname.zones.reading import BadZoneFile, read_zone
from podname.zones.zone import Zone

__all__ = ["BadZoneFile", "Found", "Lookup", "Result", "Zone", "read_zone"]
