"""Say where the files lie that other directives of the block name.

Source: CoreDNS 1.15.0 plugin/root.
"""

from __future__ import annotations

from podname.plugins.base import Plugin


class Root(Plugin):
    """`root`: the folder counts while the block is set up."""

    name = "root"
