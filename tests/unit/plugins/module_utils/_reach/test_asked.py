# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where connections come from."""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import EVERYWHERE, network
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked


def test_sources_of_a_version_of_ip() -> None:
    asked = Asked(sources=[network("198.51.100.0/25"), network("198.51.100.128/25"), network("2001:db8::/32")])
    assert asked.sources_of(4) == [network("198.51.100.0/24")]
    assert asked.sources_of(6) == [network("2001:db8::/32")]
    assert Asked(sources=[network("2001:db8::/32")]).sources_of(4) == []


def test_unknown_sources_are_all_addresses() -> None:
    assert Asked().sources_of(6) == [EVERYWHERE[6]]
