# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Filters of EC2: a request for ids fails if one of them is unknown, and one with a filter does not. Pure."""

from __future__ import annotations

from typing import Any, Sequence

# Each as EC2 writes it: {"Name": ..., "Values": [...]}.
Filters = Sequence[Any]

# The service's limit for the values of a filter (EC2 API Reference, DescribeInstances).
_VALUES_OF_A_FILTER = 200


def by_ids(name: str, ids: Sequence[str]) -> list[Filters]:
    """Return the filters of the requests for so many ids. name: of the filter, such as ``vpc-id``."""
    return [
        [{"Name": name, "Values": list(ids[first : first + _VALUES_OF_A_FILTER])}]
        for first in range(0, len(ids), _VALUES_OF_A_FILTER)
    ]
