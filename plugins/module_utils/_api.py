# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The only file that calls AWS: clients, retries, one function a call, and errors to words.

How a call is tried: botocore's standard mode backs off from throttling, 5xx and broken connections. What it does not
know of is added here: EC2InstanceUnavailableException, and Transfer's RetryAfterSeconds. ``aws_config`` has the last
word.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Mapping, NamedTuple, NoReturn

try:
    import boto3
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

    # Failures before the request left this host.
    _NEVER_SENT: tuple[type[Exception], ...] = (
        EndpointConnectionError,
        ConnectTimeoutError,
        ProxyConnectionError,
        SSLError,
        NoCredentialsError,
        ParamValidationError,
    )
except ImportError:
    # AnsibleAWSModule says so, in the words that its users know.
    _NEVER_SENT = ()

from ansible_collections.amazon.aws.plugins.module_utils.botocore import boto3_conn, get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.common import set_collection_info
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ServiceError,
    SetUpError,
    hint_for,
    hint_for_sdk_error,
    printable,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._instance_connect import Lease, Target
from ansible_collections.sshkeys.aws.plugins.module_utils._public_key import PublicKey, could_be_a_secret
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import HeldKey

if TYPE_CHECKING:
    from mypy_boto3_ec2_instance_connect import EC2InstanceConnectClient
    from mypy_boto3_transfer import TransferClient

COLLECTION_VERSION = "0.1.0"

INSTANCE_CONNECT = "ec2-instance-connect"
TRANSFER = "transfer"

# For a throttled call this is up to 71 seconds of backing off, 35 on average.
_TOTAL_MAX_ATTEMPTS = 8
# Both services answer within a second or two; botocore's own 60 seconds, tried again, would be minutes of silence.
_CONNECT_TIMEOUT_SECONDS = 5
_READ_TIMEOUT_SECONDS = 10
_MAX_DELAY_SECONDS = 20


# -- Clients ---------------------------------------------------------------------------------------------------------


class Scope(NamedTuple):
    """Where calls go, known without a client: what names the endpoint (empty for AWS's own) and the region."""

    endpoint: str
    region: str


def scope(params: Mapping[str, Any]) -> Scope:
    """Return where the calls of a task to EC2 Instance Connect go, as far as that is known without the SDK's client.

    params: the options of amazon.aws's common and region fragments, among others.
    Raises SetUpError where no region is configured.
    """
    # The variables are those of the SDKs (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
    endpoint = (
        params.get("endpoint_url")
        or os.environ.get("AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT")
        or os.environ.get("AWS_ENDPOINT_URL")
        # The configuration of a profile may name an endpoint of its own.
        or (f"that of the profile {params['profile']}" if params.get("profile") else "")
    )
    return Scope(endpoint, _region(params))


def _region(params: Mapping[str, Any]) -> str:
    region = params.get("region")
    if not region:
        try:
            region = boto3.session.Session(profile_name=params.get("profile") or None).region_name
        except BotoCoreError as error:
            raise _set_up_error(error) from error
    region = region or (params.get("aws_config") or {}).get("region_name")
    if not region:
        raise SetUpError(
            "No region is configured, and the call needs one. Set region, AWS_REGION in the environment, or a region "
            "in the profile, on the host that runs the module."
        )
    return str(region)


def connect(params: Mapping[str, Any], service: str) -> Any:
    """Make a client of a service. Sends nothing to it.

    params: the options of amazon.aws's common and region fragments, and ``concurrency`` where there is one.
    service: INSTANCE_CONNECT or TRANSFER.
    Raises SetUpError where region, credentials, profile, endpoint or aws_config cannot be used.
    """
    _region(params)
    set_collection_info(collection_name="sshkeys.aws", collection_version=COLLECTION_VERSION)
    asker = _Asker({**params, **{name: (params.get(name) or "").strip() or None for name in _CREDENTIALS}})
    defaults = Config(
        retries={"mode": "standard", "total_max_attempts": _TOTAL_MAX_ATTEMPTS},
        connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        read_timeout=_READ_TIMEOUT_SECONDS,
        max_pool_connections=params.get("concurrency", 1),
    )
    try:
        region, endpoint, arguments = get_aws_connection_info(asker)
        client = boto3_conn(
            asker, conn_type="client", resource=service, region=region, endpoint=endpoint, config=defaults, **arguments
        )
        _check_credentials(client, service)
    except (BotoCoreError, ClientError, OSError, TypeError, ValueError) as error:
        # ClientError and OSError: a role that may not be assumed, a token file or credential process that is not there.
        raise _set_up_error(error) from error
    client.meta.events.register(f"before-send.{service}", _attempt.begin)
    client.meta.events.register_first(f"needs-retry.{service}", _delay_before_retry)
    client.meta.events.register(f"needs-retry.{service}", _attempt.end)
    return client


# Read from a file, they often end in a line break, which no header of HTTP may hold.
_CREDENTIALS = ("access_key", "secret_key", "session_token")


class _Asker:
    """What amazon.aws's functions take for the module that wants a client: its failures are raised, nothing exits."""

    _name = "sshkeys.aws"

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def fail_json(self, msg: str, **_details: object) -> NoReturn:
        raise SetUpError(
            f"No connection to AWS can be set up: {msg.rstrip('.')}. Look at region, profile, access_key, secret_key "
            "and session_token, and at what the environment says instead of them, such as AWS_ACCESS_KEY_ID."
        )

    def fail_json_aws(self, exception: Exception, **_details: object) -> NoReturn:
        raise _set_up_error(exception) from exception


def _set_up_error(error: Exception) -> SetUpError:
    told = "an option holds a key where none belongs." if could_be_a_secret(str(error)) else _sentence(error)
    return SetUpError(f"No connection to AWS can be set up: {told} {hint_for_sdk_error(error)}")


# A call of each service that can be signed, to see whether there is anything to sign with.
_SIGNABLE = {
    INSTANCE_CONNECT: (
        "send_ssh_public_key",
        {"InstanceId": "i-00000000", "InstanceOSUser": "nobody", "SSHPublicKey": "-" * 80},
    ),
    TRANSFER: ("list_users", {"ServerId": "s-00000000000000000"}),
}


def _check_credentials(client: Any, service: str) -> None:
    """Raise botocore's error if there are no credentials, before a fleet fails target by target. Sends no request."""
    method, arguments = _SIGNABLE[service]
    client.generate_presigned_url(method, Params=arguments)


# -- Retries ---------------------------------------------------------------------------------------------------------


class _Attempt(threading.local):
    """What happened in the attempts of this thread's call, as botocore's events tell it.

    sent_at: when the last attempt was sent, seconds since the epoch.
    lost: whether an attempt was sent and no answer tells what became of it.
    """

    sent_at = 0.0
    lost = False

    def reset(self) -> None:
        self.sent_at, self.lost = time.time(), False

    def begin(self, **_event: object) -> None:
        self.sent_at = time.time()

    def end(self, response: Any, caught_exception: Exception | None, **_event: object) -> None:
        if caught_exception is not None:
            self.lost = self.lost or not isinstance(caught_exception, _NEVER_SENT)
        elif response is not None and response[0].status_code in _SERVER_ERRORS:
            self.lost = True


_SERVER_ERRORS = range(500, 600)
_attempt = _Attempt()

# The longest first wait for what passes by itself. botocore tries these again too, but takes all retries of a client
# out of one quota (botocore.retries.quota), so that the later targets of a throttled fleet would fail untried. Broken
# connections are left to it: there the quota keeps a fleet from hammering an endpoint that is down.
_FIRST_DELAY_SECONDS = {"ThrottlingException": 1.0, "EC2InstanceUnavailableException": 1.0}
_FIRST_DELAY_SECONDS_OF_SERVER_ERROR = 0.25


def _delay_before_retry(response: Any, attempts: int, request_dict: Any, **_event: object) -> float | None:
    """Return the seconds to wait before another attempt, None to leave it to botocore. Handles its needs-retry event.

    attempts: how often the call was tried, 1 and up.
    """
    retries = request_dict["context"]["client_config"].retries or {}
    # Without a number it is the user who has set retries, and botocore knows what that means.
    if response is None or attempts >= retries.get("total_max_attempts", 0):
        return None
    http_response, answer = response
    code = answer.get("Error", {}).get("Code")
    first_delay: float | None = _FIRST_DELAY_SECONDS.get(code)
    if first_delay is None and http_response.status_code in _SERVER_ERRORS:
        first_delay = _FIRST_DELAY_SECONDS_OF_SERVER_ERROR
    if first_delay is None:
        return None
    asked_for = str(answer.get("RetryAfterSeconds", ""))
    if asked_for.isdecimal():
        return min(float(asked_for), _MAX_DELAY_SECONDS) + random.random()
    return random.random() * min(first_delay * 2.0 ** (attempts - 1), _MAX_DELAY_SECONDS)


# -- Errors to words -------------------------------------------------------------------------------------------------


def _call(method: Callable[..., Any], **arguments: Any) -> Any:
    """Make a call. Returns its answer, a dict. Raises ServiceError when it failed for good.

    While the thread makes no other call, _attempt tells when the last attempt was sent.
    """
    _attempt.reset()
    try:
        return method(**arguments)
    except ClientError as error:
        raise _refusal(error) from error
    except BotoCoreError as error:
        code = type(error).__name__
        if "Invalid header value" in str(error):
            # The message repeats the header, which is a session token or an access key.
            raise ServiceError(
                code, "A credential holds a character that HTTP does not allow.", _CREDENTIAL_HINT
            ) from None
        in_doubt = _attempt.lost or not isinstance(error, _NEVER_SENT)
        raise ServiceError(code, _sentence(error), hint_for_sdk_error(error), in_doubt=in_doubt) from error
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        # botocore's parser takes the types of an answer on trust; and a credential process may vanish in the middle.
        raise _unexpected({}, f"form that botocore can read ({type(error).__name__})") from error


_CREDENTIAL_HINT = "Check access_key and session_token for line breaks."

# Of a page of HTML, which a proxy may send, the beginning is enough.
_MAX_MESSAGE_LENGTH = 500


def _refusal(error: ClientError) -> ServiceError:
    details = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    code = printable(details.get("Code") or "UnknownError")
    message = printable(details.get("Message") or "AWS gave no message")[:_MAX_MESSAGE_LENGTH]
    tries = metadata.get("RetryAttempts", 0) + 1
    facts = [f"tried {tries} times"] if tries > 1 else []
    if metadata.get("RequestId"):
        facts.append(f"request id {printable(metadata['RequestId'])}")
    return ServiceError(
        code,
        f"{message.rstrip('.')} ({', '.join(facts)})" if facts else message,
        hint_for(code),
        in_doubt=_attempt.lost or metadata.get("HTTPStatusCode") in _SERVER_ERRORS,
        resource_type=printable(error.response.get("ResourceType", "")),
    )


def _unexpected(answer: Mapping[str, Any], missing: str, *, in_doubt: bool = True) -> ServiceError:
    """Return the error for an answer that lacks what the service always sends: something else answered."""
    request_id = answer.get("ResponseMetadata", {}).get("RequestId", "unknown")
    return ServiceError(
        "UnexpectedAnswer",
        f"The answer has no {missing} (request id {printable(request_id)})",
        hint_for("ResponseParserError"),
        in_doubt=in_doubt,
    )


def _sentence(error: Exception) -> str:
    return printable(error).rstrip(".") + "."


# -- EC2 Instance Connect --------------------------------------------------------------------------------------------


def push(client: EC2InstanceConnectClient, target: Target, key: PublicKey) -> Lease:
    """Push a key to a target (SendSSHPublicKey, SendSerialConsoleSSHPublicKey). Raises ServiceError."""
    if target.os_user is None:
        answer = _call(
            client.send_serial_console_ssh_public_key,
            InstanceId=target.instance_id,
            SerialPort=target.serial_port,
            SSHPublicKey=key.line,
        )
    else:
        zone = {"AvailabilityZone": target.availability_zone} if target.availability_zone else {}
        answer = _call(
            client.send_ssh_public_key,
            InstanceId=target.instance_id,
            InstanceOSUser=target.os_user,
            SSHPublicKey=key.line,
            **zone,
        )
    if not answer.get("Success"):
        raise _unexpected(answer, "Success")
    return Lease(_attempt.sent_at, str(answer.get("RequestId", "")))


# -- Transfer Family -------------------------------------------------------------------------------------------------


def _read(method: Callable[..., Any], **arguments: Any) -> Any:
    """Make a call that changes nothing, so that a failure of it leaves nothing in doubt."""
    try:
        return _call(method, **arguments)
    except ServiceError as error:
        raise replace(error, in_doubt=False) from error


def user_names(client: TransferClient, server_id: str) -> list[str]:
    """Return the names of all users of a server, all pages followed (ListUsers). Raises ServiceError."""
    answer = _read(client.get_paginator("list_users").paginate(ServerId=server_id).build_full_result)
    try:
        return [user["UserName"] for user in answer["Users"]]
    except (KeyError, TypeError) as error:
        raise _unexpected(answer, "Users with a UserName each", in_doubt=False) from error


def held_keys(client: TransferClient, server_id: str, user_name: str) -> tuple[HeldKey, ...] | None:
    """Return the keys of a user, or None where the user does not exist (DescribeUser). Raises ServiceError."""
    try:
        answer = _read(client.describe_user, ServerId=server_id, UserName=user_name)
    except ServiceError as error:
        if error.is_missing_user:
            return None
        raise
    try:
        return tuple(
            HeldKey.stored(key["SshPublicKeyId"], key["SshPublicKeyBody"], key["DateImported"])
            for key in answer["User"].get("SshPublicKeys", [])
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise _unexpected(answer, "User with its SshPublicKeys", in_doubt=False) from error


def import_key(client: TransferClient, server_id: str, user_name: str, body: str) -> str:
    """Import a key (ImportSshPublicKey). Returns its id. Raises ServiceError."""
    answer = _call(client.import_ssh_public_key, ServerId=server_id, UserName=user_name, SshPublicKeyBody=body)
    if "SshPublicKeyId" not in answer:
        raise _unexpected(answer, "SshPublicKeyId")
    return str(answer["SshPublicKeyId"])


def delete_key(client: TransferClient, server_id: str, user_name: str, key_id: str) -> None:
    """Delete a key (DeleteSshPublicKey). Raises ServiceError."""
    _call(client.delete_ssh_public_key, ServerId=server_id, UserName=user_name, SshPublicKeyId=key_id)
