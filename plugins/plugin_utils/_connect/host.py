# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is being connected to: its settings, its account, and what EC2 says of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.accounts import Account, Accounts
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.facts import AskInstances, Facts
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.timing import Timing


class Host:
    """A host, for one connection.

    facts: of its account. timing: of the steps of the connection.
    """

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        facts_of: Callable[[Mapping[str, Any], AskInstances], Facts],
    ) -> None:
        """Ask nothing. facts_of: returns the facts of an account, which ask with this function."""
        self.settings = settings
        self.timing = Timing()
        self._accounts = accounts
        self.facts = facts_of(settings["aws"], self._ask_about_instances)

    def deadline(self) -> float:
        """Return the end of a step that begins now, on the monotonic clock."""
        return time.monotonic() + self.settings["timeout"]

    async def account(self) -> Account:
        """Return the account. Raises SetUpError."""
        return await self._accounts.of(self.settings["aws"])

    async def region(self) -> Region | None:
        """Return the region of the calls about the instance, and its source. Raises SetUpError."""
        if self.settings["region_source"]:
            return Region(self.settings["aws"]["region"], self.settings["region_source"])
        return (await self.account()).session.known_region

    async def ask_ec2(self, ask: Callable[..., Any], *about: Any) -> Any:
        """Ask EC2. ask: a function of ec2.py, which gets a client. Raises SshKeysError."""
        account = await self.account()
        return await asyncio.to_thread(lambda: ask(account.client(EC2), *about))

    async def instance(self, *, anew: bool = False) -> ec2.Instance:
        """Return EC2's facts about the instance. anew: ask again, even if they are known. Raises SshKeysError."""
        return await self.facts.instance(self.settings["instance_id"], anew=anew)

    async def _ask_about_instances(self, instance_ids: Sequence[str]) -> Mapping[str, ec2.Instance]:
        found: Mapping[str, ec2.Instance] = await self.ask_ec2(ec2.instances, instance_ids)
        return found
