# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of requests for many ids."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.filters import by_ids


@pytest.mark.parametrize(("number", "sizes"), [(0, []), (200, [200]), (201, [200, 1])])
def test_a_filter_has_no_more_values_than_the_service_takes(number: int, sizes: list[int]) -> None:
    ids = [f"vpc-{each}" for each in range(number)]
    filters = by_ids("vpc-id", ids)
    assert [len(each[0]["Values"]) for each in filters] == sizes
    assert [value for each in filters for value in each[0]["Values"]] == ids
    assert {each[0]["Name"] for each in filters} <= {"vpc-id"}
