# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What EC2 says of instances and endpoints in an account and region: asked once in a run, for many hosts at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import EndpointFacts, Instance, unknown_instance
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.once import Once
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import start

# The forks of Ansible start one after the other. A question waits until no new host has come for a moment, which is
# three times as long after each question before it: then more hosts come than it was thought.
_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_LONGEST_SECONDS = 3.0
# After this time, a host that comes is no part of that crowd.
_CROWD_SECONDS = 5.0

AskInstances = Callable[[Sequence[str]], Awaitable[Mapping[str, Instance]]]
AskEndpoints = Callable[[], Awaitable[Sequence[EndpointFacts]]]


class Facts:
    """The facts of an account and region."""

    def __init__(self, ask: AskInstances, last_new_at: Callable[[], float]) -> None:
        """Start without any.

        ask: asks EC2 about instances, and returns what it knows of them, by their ids.
        last_new_at: returns when a host last came that was not there before, on the monotonic clock.
        """
        self._ask = ask
        self._last_new_at = last_new_at
        self._instances: dict[str, asyncio.Future[Instance]] = {}
        self._waiting: dict[str, asyncio.Future[Instance]] = {}
        self._batches: set[asyncio.Task[None]] = set()
        self._asked_at: list[float] = []
        self._endpoints: Once[Sequence[EndpointFacts]] = Once()

    async def instance(self, instance_id: str, *, anew: bool = False) -> Instance:
        """Return the facts of an instance. Raises the exceptions of ``ask``, and ServiceError if there is none.

        anew: ask EC2 again, even if they are known.
        """
        known = self._instances.get(instance_id)
        if known is None or (known.done() and (anew or known.cancelled() or known.exception())):
            known = self._instances[instance_id] = asyncio.get_running_loop().create_future()
            if not self._waiting:
                start(self._ask_together(), self._batches)
            self._waiting[instance_id] = known
        return await asyncio.shield(known)

    async def endpoints(self, of: str, ask: AskEndpoints, *, remembers_none: bool) -> Sequence[EndpointFacts]:
        """Return endpoints. Raises the exceptions of ``ask``.

        of: the id of an endpoint or of a VPC. ask: asks EC2.
        remembers_none: whether to remember for the run that there is none.
        """
        if not remembers_none:
            self._endpoints.forget_if(of, lambda found: not found)
        return await self._endpoints.get(of, ask)

    async def _ask_together(self) -> None:
        """Ask EC2 about all instances that are waited for when no more come."""
        began = time.monotonic()
        self._asked_at = [at for at in self._asked_at if began - at < _CROWD_SECONDS]
        pause = min(_PAUSE_SECONDS * 3 ** len(self._asked_at), _LONGEST_PAUSE_SECONDS)
        while left := max(min(self._last_new_at() + pause, began + _LONGEST_SECONDS) - time.monotonic(), 0):  # noqa: ASYNC110 - for time alone
            await asyncio.sleep(left)
        self._asked_at.append(time.monotonic())
        waiting, self._waiting = self._waiting, {}
        try:
            found = await self._ask(list(waiting))
        except Exception as error:  # noqa: BLE001 - it is that of all who wait
            for future in waiting.values():
                future.set_exception(error)
                # Who waited may have gone.
                future.exception()
            return
        for instance_id, future in waiting.items():
            if instance_id in found:
                future.set_result(found[instance_id])
            else:
                future.set_exception(unknown_instance(instance_id))
                future.exception()
