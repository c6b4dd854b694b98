# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of targets, and the leases that a run may find for them."""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import KEY_LIFETIME, Lease
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from hypothesis import strategies as st

# The moment of a run.
NOW = 1_800_000_000.5
FLEET = [Target(f"i-{number:08x}", user) for number in range(4) for user in ("root", "admin")]
targets_of_a_run = st.lists(st.sampled_from(FLEET), unique=True)
# Ages from the future to long ended, and those where it matters.
ages = st.one_of(
    st.floats(-2 * KEY_LIFETIME, 3 * KEY_LIFETIME), st.integers(-1, KEY_LIFETIME + 1).map(float), st.just(float("nan"))
)
leases_of_a_run = st.dictionaries(
    st.sampled_from(FLEET), st.builds(lambda age, number: Lease(NOW - age, f"r{number}"), ages, st.integers(0, 9))
)
validities = st.integers(0, KEY_LIFETIME)
