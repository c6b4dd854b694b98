# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.dates import age_days, iso

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def test_a_moment_is_written_in_utc() -> None:
    assert iso(NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))) == "2026-11-21T10:00:00Z"


@pytest.mark.parametrize(
    ("ago", "days"),
    [
        (timedelta(0), 0),
        (timedelta(days=1, seconds=-1), 0),
        (timedelta(days=1), 1),
        (timedelta(days=800, hours=3), 800),
        # The clock of AWS is ahead.
        (timedelta(minutes=-5), 0),
    ],
)
def test_whole_days_count(ago: timedelta, days: int) -> None:
    assert age_days(NOW - ago, NOW) == days
