# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The AWS SDK, imported if it is installed, and the names of the services."""

from __future__ import annotations

import sys

try:
    import botocore.session
    from botocore import httpsession
    from botocore.auth import SigV4Auth, SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config
    from botocore.credentials import Credentials
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
    # AnsibleAWSModule reports the missing SDK. Before that, the other files must be importable.
    HAS_SDK = False
    NEVER_SENT = ()

    class BotoCoreError(Exception):  # type: ignore[no-redef]
        """As in botocore."""

    class ClientError(Exception):  # type: ignore[no-redef]
        """As in botocore."""

    class NoCredentialsError(BotoCoreError):  # type: ignore[no-redef]
        """As in botocore."""

    class ResponseParserError(Exception):  # type: ignore[no-redef]
        """As in botocore."""

    Config = Loader = botocore = create_loader = httpsession = None  # type: ignore[assignment, misc]
    AWSRequest = Credentials = SigV4Auth = SigV4QueryAuth = None  # type: ignore[assignment, misc]

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SetUpError

__all__ = [
    "EC2",
    "HAS_SDK",
    "INSTANCE_CONNECT",
    "NEVER_SENT",
    "SERVER_ERRORS",
    "SSM",
    "TRANSFER",
    "AWSRequest",
    "BotoCoreError",
    "ClientError",
    "Config",
    "Credentials",
    "Loader",
    "NoCredentialsError",
    "ResponseParserError",
    "SigV4Auth",
    "SigV4QueryAuth",
    "botocore",
    "create_loader",
    "httpsession",
    "require_sdk",
]

INSTANCE_CONNECT = "ec2-instance-connect"
TRANSFER = "transfer"
EC2 = "ec2"
SSM = "ssm"

# HTTP status codes for faults of the service.
SERVER_ERRORS = range(500, 600)


def require_sdk() -> None:
    """Raise SetUpError if there is no SDK. A module does not need this check: AnsibleAWSModule has its own."""
    if not HAS_SDK:
        raise SetUpError(
            f"{sys.executable} lacks the Python packages boto3 and botocore. Install them for that Python: pip install "
            "boto3."
        )
