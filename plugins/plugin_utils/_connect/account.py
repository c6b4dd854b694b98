# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who calls AWS for the connections of a run, and the clients for it, which all connections share."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, require_sdk
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SetUpError

# For how long clients are used by new connections: credentials have an end.
_CLIENT_SECONDS = 300
# For how long a failure to make them, which may take seconds, is not tried again.
_FAILURE_SECONDS = 10
# The SDK asks for it where nobody can answer.
_NO_CODE = (
    "The profile needs an MFA code, which cannot be typed here. Get temporary credentials before the run, such as with "
    "aws sts get-session-token, and give these."
)


class Account:
    """Who calls AWS, and the clients for it. Each is made once.

    session: with the credentials of the role, if there is one.
    """

    def __init__(self, aws: Mapping[str, Any]) -> None:
        """Read the options (see account_of), and assume a role where there is one. Raises SetUpError."""
        require_sdk()
        params = {
            name: os.environ.get(value["env"]) if isinstance(value, dict) else value for name, value in aws.items()
        }
        role = params.pop("assume_role_arn", None)
        self._given = Session({"validate_certs": True, **params})
        self.session = self._given.assume_role(role) if role else self._given
        self._clients: dict[str, Any] = {}

    @property
    def ca_bundle(self) -> str:
        """The file with the certificates that are trusted: the profile may name one, and a role has no profile."""
        return self._given.ca_bundle

    def client(self, service: str) -> Any:
        """Return the client of a service. Raises SetUpError."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service)
        return self._clients[service]


# By options: until when it holds on the monotonic clock, and the account, or why there is none.
_accounts: dict[str, tuple[float, Account | SetUpError]] = {}


def account_of(aws: Mapping[str, Any]) -> Account:
    """Return the account for options. Raises SetUpError.

    aws: options as modules of amazon.aws take them, and ``assume_role_arn``. A secret may be the name of a variable of
    the environment: ``{"env": name}``.
    """
    options, now = json.dumps(aws, sort_keys=True), time.monotonic()
    until, found = _accounts.get(options, (0.0, None))
    if found is None or until < now:
        try:
            found = Account(aws)
            found.client(INSTANCE_CONNECT)
            _accounts[options] = now + _CLIENT_SECONDS, found
        except (SetUpError, EOFError) as error:
            found = error if isinstance(error, SetUpError) else SetUpError(_NO_CODE)
            _accounts[options] = time.monotonic() + _FAILURE_SECONDS, found
    if isinstance(found, SetUpError):
        raise found
    return found
