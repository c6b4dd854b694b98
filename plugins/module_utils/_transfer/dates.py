# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Dates of AWS in results. Pure."""

from __future__ import annotations

from datetime import datetime, timezone


def iso(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC, to the second."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def age_days(moment: datetime, now: datetime) -> int:
    """Return the whole days from a moment to ``now``. Both have a time zone."""
    # The clock of this host may be behind that of AWS.
    return max(0, (now - moment).days)
