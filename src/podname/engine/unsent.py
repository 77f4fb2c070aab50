"""Answers over UDP that the system did not take: there is no way back to the client, or no room.

All are counted; the first is logged, for whoever forges addresses could make any number of them.
"""

from __future__ import annotations

import logging

from podname.engine.base import EngineStats

_log = logging.getLogger(__name__)


def count_unsent(stats: EngineStats, answers: int) -> None:
    """Count such answers, and log the first of the process."""
    if not answers:
        return
    if not stats.unsent:
        _log.warning(
            "An answer over UDP could not be sent: no way back to the client, or no room."
            " From here on podname_engine_unsent_total counts them"
        )
    stats.unsent += answers
