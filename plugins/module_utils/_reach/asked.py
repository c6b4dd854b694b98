# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What is asked about instances. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import EVERYWHERE, Network, tidy


@dataclass(frozen=True)
class Asked:
    """What is asked about instances.

    sources: where the connections come from; empty if that is unknown. tunnel: as the connection's option.
    addresses: those that an inventory gives, by instance id. use_fips: whether FIPS names of endpoints are needed.
    """

    port: int = 22
    sources: Sequence[Network] = ()
    tunnel: str = "auto"
    endpoint_id: str | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    use_fips: bool = False

    def sources_of(self, version: int) -> list[Network]:
        """Return the sources of a version of IP; all addresses if the sources are unknown."""
        if not self.sources:
            return [EVERYWHERE[version]]
        return tidy(each for each in self.sources if each.version == version)
