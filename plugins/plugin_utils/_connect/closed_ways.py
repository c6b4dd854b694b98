# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which ways to a host are closed: the first that is open is taken, and the run remembers those that were not."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import capitalized
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import Way
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import explain
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError


class ClosedWays:
    """The closed ways to a host.

    all_were_closed: whether no way was open the last time. Then each is tried again, and no earlier answer counts.
    addresses: those at which nothing answers. Two ways may lead to the same one.
    """

    def __init__(self) -> None:
        """Start with all ways open."""
        self._failures: dict[Way, FailedError] = {}
        self.addresses: set[str] = set()
        self.all_were_closed = False

    def __contains__(self, way: Way) -> bool:
        """Return whether a way was closed, while another one was open."""
        return way in self._failures

    def __str__(self) -> str:
        """Return why each of them was closed, as sentences; an empty text if none was."""
        return _told(self._failures)

    async def first_open(
        self, ways: Sequence[Way], connect: Callable[[Way], Awaitable[socket.socket | None]]
    ) -> socket.socket:
        """Return a connection over the first way that is open. Raises FailedError.

        connect: connects over a way. It returns None if that is no way for this host, and raises FailedError.
        """
        # Its own: another connection may forget those of the host while this one tries a way.
        failures: dict[Way, FailedError] = {}
        for way in ways:
            failure = self._failures.get(way)
            if failure is None:
                try:
                    connection = await connect(way)
                except FailedError as error:
                    if not error.closes_way:
                        raise _all_closed({**failures, way: error}) from error
                    failure = error
                    if error.is_lasting:
                        self._failures[way] = error
                else:
                    if connection:
                        self.all_were_closed = False
                        return connection
                    continue
            failures[way] = failure
        self._failures, self.addresses, self.all_were_closed = {}, set(), True
        raise _all_closed(failures)


def _told(failures: dict[Way, FailedError]) -> str:
    told = [
        f"({number}) {capitalized(way.value)}: {failure}{explain.hint(failure.step, str(failure), is_one_of_many=True)}"
        for number, (way, failure) in enumerate(failures.items(), start=1)
    ]
    return " ".join(told)


def _all_closed(failures: dict[Way, FailedError]) -> FailedError:
    if not failures:
        return FailedError(Step.FIND, "There is no address of the host, and so no way to it. Set ansible_host.")
    if len(failures) == 1:
        (failure,) = failures.values()
        return failure
    is_answer_of_aws = any(failure.is_answer_of_aws for failure in failures.values())
    return FailedError(Step.WAYS, _told(failures), is_answer_of_aws=is_answer_of_aws)
