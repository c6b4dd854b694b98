# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The AWS account of the connections of a run: its credentials and clients, which all connections share."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, require_sdk
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SetUpError

# New connections reuse clients for this time, because credentials expire.
_CLIENT_SECONDS = 300
# A failure to make clients, which may take seconds, is not tried again for this time.
_FAILURE_SECONDS = 10
# The SDK prompts for the code, and there is no terminal here.
_NO_CODE = (
    "The profile needs an MFA code, which cannot be typed here. Get temporary credentials before the run, such as with "
    "aws sts get-session-token, and give these."
)


class Account:
    """The credentials for AWS and the clients, each made once.

    session: has the credentials of the role, if there is one.
    """

    def __init__(self, aws: Mapping[str, Any]) -> None:
        """Read the options (see account_of), and assume the role if there is one. Raises SetUpError."""
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
        """The file with the trusted certificates. The profile may name it, and the session of a role has no profile."""
        return self._given.ca_bundle

    def client(self, service: str) -> Any:
        """Return the client of a service. Raises SetUpError."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service)
        return self._clients[service]


# By options: the time of expiry on the monotonic clock, and the account or the error.
_accounts: dict[str, tuple[float, Account | SetUpError]] = {}


def account_of(aws: Mapping[str, Any]) -> Account:
    """Return the account for options. Raises SetUpError.

    aws: options of amazon.aws's modules, and ``assume_role_arn``. A secret may be given as the name of an environment
    variable: ``{"env": name}``.
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
