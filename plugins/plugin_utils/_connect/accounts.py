# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The AWS accounts of the connections of a run: their credentials and clients, which all connections share."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import Preloaded
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, require_sdk
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SetUpError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.pushes import seconds_since_boot

# New connections reuse clients for this time, because credentials expire, also while the machine sleeps.
_CLIENT_SECONDS = 300
# A failure to make clients, which may take seconds, is not tried again for this time.
_FAILURE_SECONDS = 10
# As many pushes at once as Ansible has forks.
_CALLS_AT_ONCE = 50


class Account:
    """The credentials for AWS and the clients, each made once. Threads may share it."""

    def __init__(self, aws: Mapping[str, Any], preloaded: Preloaded | None) -> None:
        """Read the options (see Accounts.of). Raises SetUpError."""
        require_sdk()
        params = {
            name: os.environ.get(value["env"]) if isinstance(value, dict) else value for name, value in aws.items()
        }
        self.session = Session({"validate_certs": True, "concurrency": _CALLS_AT_ONCE, **params}, preloaded)
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    @cached_property
    def ca_bundle(self) -> str:
        """The file with the trusted certificates."""
        return self.session.ca_bundle

    def client(self, service: str) -> Any:
        """Return the client of a service, at once if it is made. Raises SetUpError."""
        made = self._clients.get(service)
        if made:
            return made
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self.session.client(service)
            return self._clients[service]


class Accounts:
    """The accounts of a run, each by the options that lead to it."""

    def __init__(self, preloaded: Preloaded | None) -> None:
        """Start without any. preloaded: the data for all clients."""
        self._preloaded = preloaded
        self._is_closed = False
        # By options.
        self._made: dict[str, _Made] = {}

    async def of(self, aws: Mapping[str, Any]) -> Account:
        """Return the account for options. Raises SetUpError.

        aws: options of amazon.aws's modules, and ``assume_role_arn``. A secret may be given as the name of an
        environment variable: ``{"env": name}``.
        """
        if self._is_closed:
            raise SetUpError("The run has ended.")
        options = name_of(aws)
        made = self._made.get(options)
        if made is None or made.has_expired():
            made = self._made[options] = _Made(asyncio.create_task(asyncio.to_thread(self._make, aws)))
        # Others wait for it too, so it goes on if this one is cancelled.
        return await asyncio.shield(made.task)

    def forget(self) -> None:
        """Drop them all, with their secrets, and make no other one."""
        self._made.clear()
        self._is_closed = True

    def _make(self, aws: Mapping[str, Any]) -> Account:
        account = Account(aws, self._preloaded)
        account.client(INSTANCE_CONNECT)
        return account


class _Made:
    """An account, or the error of making it."""

    def __init__(self, task: asyncio.Task[Account]) -> None:
        self.task = task
        self._ended_at = 0.0
        task.add_done_callback(self._end)

    def _end(self, _task: object) -> None:
        self._ended_at = seconds_since_boot()

    def has_expired(self) -> bool:
        """Return whether it is time for another one."""
        if not self._ended_at:
            return False
        has_failed = self.task.cancelled() or self.task.exception()
        return seconds_since_boot() > self._ended_at + (_FAILURE_SECONDS if has_failed else _CLIENT_SECONDS)


def name_of(aws: Mapping[str, Any]) -> str:
    """Return a name for the account that these options lead to."""
    return json.dumps(aws, sort_keys=True)
