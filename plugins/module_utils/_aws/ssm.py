# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The calls to Session Manager that a connection to an instance needs, a function for each."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, NamedTuple
from urllib.parse import SplitResult, urlsplit

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import call, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    ServiceError,
    hint_for,
    printable,
)

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.plugins.module_utils._aws.signing import Signer
    from mypy_boto3_ssm import SSMClient

# AWS's own document, whose sessions are a tunnel to a port. Each user who may ssh is allowed to use it.
DOCUMENT = "AWS-StartSSHSession"
# It stands beside the session in CloudTrail, and in the console of Session Manager.
_REASON = "Ansible connection sshkeys.aws.ec2_instance_connect"
# The service of the websocket, as its signature names it.
_MESSAGES = "ssmmessages"


class SessionEndedError(ServiceError):
    """A session cannot be resumed, because it has ended."""


class Session(NamedTuple):
    """A session that was started.

    token: opens one websocket, a secret. url: of the websocket, which stays the same when the session is resumed.
    """

    id: str
    token: str
    url: str


def start(client: SSMClient, target: str, port: int) -> Session:
    """Start a session that connects to a port of an instance or a managed node (StartSession).

    Raises ServiceError, and ArgumentError if the answer names a server that must not get the token.
    """
    wanted: dict[str, Any] = {
        "Target": target,
        "DocumentName": DOCUMENT,
        "Parameters": {"portNumber": [str(port)]},
        "Reason": _REASON,
    }
    answer = _call(client.start_session, f"on {target} and on the document {DOCUMENT}", **wanted)
    found = [answer.get(name) for name in ("SessionId", "TokenValue", "StreamUrl")]
    if not all(isinstance(each, str) and each for each in found):
        raise unexpected(answer, "SessionId, TokenValue and StreamUrl")
    session = Session(*(str(each) for each in found))
    try:
        _check_url(session.url, client.meta.endpoint_url)
    except ArgumentError:
        with contextlib.suppress(ServiceError):
            terminate(client, session.id)
        raise
    return session


def resume(client: SSMClient, session_id: str) -> str:
    """Return a new token for a session whose websocket has closed (ResumeSession).

    Raises SessionEndedError if the session has ended, and ServiceError.
    """
    try:
        answer = _call(client.resume_session, f"on the session {session_id}", SessionId=session_id)
    except ServiceError as error:
        if error.code != _ENDED:
            raise
        raise SessionEndedError(error.code, error.message, error.hint) from error
    # The official plugin takes it for the end, too (session-manager-plugin, sessionhandler.go).
    if not answer.get("TokenValue"):
        raise SessionEndedError("NoToken", f"AWS gives no token for the session {session_id}", hint_for(_ENDED))
    return str(answer["TokenValue"])


def terminate(client: SSMClient, session_id: str) -> None:
    """End a session (TerminateSession). Raises ServiceError."""
    _call(client.terminate_session, f"on the session {session_id}", SessionId=session_id)


def headers(signer: Signer, url: str) -> dict[str, str]:
    """Return the headers that sign the request for the websocket of a session. url: of the session."""
    _scheme, colon, rest = url.partition(":")
    return signer.headers(_MESSAGES, f"https{colon}{rest}")


_ENDED = "DoesNotExistException"
# AWS documents "User: … is not authorized to perform: ssm:StartSession on resource: …".
_DENIED = "AccessDeniedException"


def _call(method: Callable[..., Any], where: str, **arguments: Any) -> dict[str, Any]:
    """Make a call. Raises ServiceError. where: the resources that the permission is needed on, for a sentence."""
    try:
        return call(method, **arguments).content
    except ServiceError as error:
        if error.code != _DENIED:
            raise
        hint = f"Allow ssm:{_operation(method)} {where} in the IAM policy of these credentials."
        raise replace(error, hint=hint) from error


def _operation(method: Callable[..., Any]) -> str:
    return "".join(word.capitalize() for word in str(method.__name__).split("_"))


# The DNS suffixes of AWS's partitions (botocore, partitions.json).
_SUFFIXES = (
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "api.aws",
    "api.amazonwebservices.com.cn",
    "api.amazonwebservices.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "csp.hci.ic.gov",
    "cloud.adc-e.uk",
    "api.aws.ic.gov",
    "api.aws.scloud",
    "api.aws.hci.ic.gov",
    "api.cloud-aws.adc-e.uk",
)


def _check_url(url: str, endpoint_url: str) -> None:
    """Raise ArgumentError unless a URL is that of a websocket of Session Manager. It gets the token.

    endpoint_url: of the service that has named it. If the user has set another one than AWS's, that one is trusted.
    """
    split = _split(url)
    if not _is_of_aws(_split(endpoint_url)):
        if split.scheme in ("ws", "wss"):
            return
    elif split.scheme == "wss" and _is_of_aws(split) and _MESSAGES in _words(split):
        return
    raise ArgumentError(
        f"The answer of StartSession names the server {printable(split.netloc)!r:.100}, which is none of Session "
        "Manager's, so it got no token. Check that nothing between this machine and AWS changes answers, and "
        "endpoint_url."
    )


def _split(url: str) -> SplitResult:
    """Return the parts of a URL; none if it has an address or a port that is not valid."""
    try:
        split = urlsplit(url)
        _port = split.port
    except ValueError:
        return urlsplit("")
    return split


def _words(url: SplitResult) -> set[str]:
    """Return the labels of the host in a URL, without "-fips" at their ends."""
    return {re.sub("-fips$", "", label) for label in (url.hostname or "").split(".")}


def _is_of_aws(url: SplitResult) -> bool:
    host = url.hostname or ""
    return any(host.endswith(f".{suffix}") for suffix in _SUFFIXES)
