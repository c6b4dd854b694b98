# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The AWS SDK, imported if it is there, and the names of the services that are called."""

from __future__ import annotations

import sys

try:
    import botocore.session
    from botocore import httpsession
    from botocore.config import Config
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        NoCredentialsError,
        ParamValidationError,
        ProxyConnectionError,
        SSLError,
    )
    from botocore.loaders import Loader, create_loader
    from botocore.parsers import ResponseParserError

    HAS_SDK = True
    # Failures before the request left this host.
    NEVER_SENT: tuple[type[Exception], ...] = (
        EndpointConnectionError,
        ConnectTimeoutError,
        ProxyConnectionError,
        SSLError,
        NoCredentialsError,
        ParamValidationError,
    )
except ImportError:
    # AnsibleAWSModule says so, in the words that its users know. Until then the other files must be imported.
    HAS_SDK = False
    NEVER_SENT = ()
    BotoCoreError = ClientError = ResponseParserError = Exception  # type: ignore[assignment, misc]
    Config = Loader = botocore = create_loader = httpsession = None  # type: ignore[assignment, misc]

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SetUpError

__all__ = [
    "EC2",
    "HAS_SDK",
    "INSTANCE_CONNECT",
    "NEVER_SENT",
    "SERVER_ERRORS",
    "TRANSFER",
    "BotoCoreError",
    "ClientError",
    "Config",
    "Loader",
    "ResponseParserError",
    "botocore",
    "create_loader",
    "httpsession",
    "require_sdk",
]

INSTANCE_CONNECT = "ec2-instance-connect"
TRANSFER = "transfer"
EC2 = "ec2"

# HTTP status codes that say that the fault is the service's.
SERVER_ERRORS = range(500, 600)


def require_sdk() -> None:
    """Raise SetUpError where there is no SDK. A module need not ask: AnsibleAWSModule does."""
    if not HAS_SDK:
        raise SetUpError(
            f"The Python packages boto3 and botocore are needed, and {sys.executable} has none. Install them for that "
            "Python: pip install boto3."
        )
