# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Clients of AWS: how they are made, how a call is tried, and its errors in words. The only file that needs the SDK.

How a call is tried: botocore's standard mode backs off from 5xx and broken connections. What it does not know of is
added here: EC2InstanceUnavailableException, Transfer's RetryAfterSeconds, and one speed for all calls of a client that
is throttled, since backing off call by call would lose some of a fleet and slow down the others. ``aws_config`` has
the last word.
"""

from __future__ import annotations

import contextlib
import os
import random
import ssl
import sys
import threading
import time
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Callable, Iterator, Mapping, NamedTuple, NoReturn

try:
    import boto3
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
    from botocore.loaders import create_loader
    from botocore.parsers import ResponseParserError

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
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.pacer import Pacer
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ServiceError,
    SetUpError,
    hint_for,
    hint_for_sdk_error,
    printable,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import could_be_a_secret
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region

COLLECTION_VERSION = "0.1.0"

INSTANCE_CONNECT = "ec2-instance-connect"
TRANSFER = "transfer"
EC2 = "ec2"

CREDENTIALS = ("access_key", "secret_key", "session_token")
# Read from a file, they often end in a line break, which no header of HTTP may hold.
_IN_HEADERS = (*CREDENTIALS, "region")

# For a throttled call this is up to 71 seconds of backing off, 35 on average.
_TOTAL_MAX_ATTEMPTS = 8
# Both services answer within a second or two; botocore's own 60 seconds, tried again, would be minutes of silence.
_CONNECT_TIMEOUT_SECONDS = 5
_READ_TIMEOUT_SECONDS = 10
_MAX_DELAY_SECONDS = 20
# Others wait for it.
_STS_MAX_ATTEMPTS = 3


# -- Clients ---------------------------------------------------------------------------------------------------------


class Scope(NamedTuple):
    """Where calls go, known without a client: what names the endpoint (empty for AWS's own) and the region."""

    endpoint: str
    region: str


def scope(params: Mapping[str, Any], region: Region | None = None) -> Scope:
    """Return where the calls of a task to EC2 Instance Connect go, as far as that is known without the SDK's client.

    params: the options of amazon.aws's common and region fragments, among others.
    region: what region_of returned, if it has been asked already: a profile is read from files.
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
    return Scope(endpoint, (region or region_of(params)).name)


# amazon.aws takes the option region from these where a task does not set it.
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


def region_of(params: Mapping[str, Any]) -> Region:
    """Return the region that a task calls, and what named it.

    params: the options of amazon.aws's common and region fragments.
    Raises SetUpError where no region is configured.
    """
    given = (params.get("region") or "").strip()
    if given:
        variables = [name for name in _REGION_VARIABLES if os.environ.get(name, "").strip() == given]
        # Nobody can tell the two apart any more.
        or_environment = f" or {variables[0]} in the environment" if variables else ""
        return Region(given, f"the option region{or_environment}")
    profile = params.get("profile") or None
    configured: str | None
    try:
        configured = boto3.session.Session(profile_name=profile).region_name
    except BotoCoreError as error:
        raise _set_up_error(error) from error
    if configured:
        return Region(configured, f"the profile {profile}" if profile else "the AWS configuration")
    in_config = (params.get("aws_config") or {}).get("region_name")
    if in_config:
        return Region(str(in_config), "the option aws_config")
    raise SetUpError(
        "No region is configured, and the call needs one. Set region, AWS_REGION in the environment, or a region "
        "in the profile, on the host that runs the module."
    )


def known_region(params: Mapping[str, Any]) -> Region | None:
    """Return what region_of does, for a sentence about a call that failed; None where no region is configured."""
    with contextlib.suppress(SetUpError):
        return region_of(params)
    return None


def connect(params: Mapping[str, Any], service: str) -> Any:
    """Make a client of a service. Sends nothing to it.

    params: the options of amazon.aws's common and region fragments, and ``concurrency`` where there is one.
    service: INSTANCE_CONNECT, TRANSFER or EC2.
    Raises SetUpError where region, credentials, profile, endpoint or aws_config cannot be used.
    """
    region_of(params)
    set_collection_info(collection_name="sshkeys.aws", collection_version=COLLECTION_VERSION)
    with _setting_up():
        client = _make_client(params, service, _TOTAL_MAX_ATTEMPTS)
        _check_credentials(client, service)
    _load_certificates_once(client)
    tries = _Tries(is_limited="retries" in (params.get("aws_config") or {}))
    # First, because a request is signed next, and a signature has an age.
    client.meta.events.register_first(f"request-created.{service}", tries.await_turn)
    client.meta.events.register(f"before-send.{service}", _attempt.begin)
    client.meta.events.register_first(f"needs-retry.{service}", tries.delay_before_retry)
    client.meta.events.register(f"needs-retry.{service}", _attempt.end)
    return client


def _make_client(params: Mapping[str, Any], service: str, total_max_attempts: int) -> Any:
    """Return amazon.aws's client of a service. Raises what amazon.aws and the SDK do."""
    asker = _Asker({**params, **{name: (params.get(name) or "").strip() or None for name in _IN_HEADERS}})
    defaults = Config(
        retries={"mode": "standard", "total_max_attempts": total_max_attempts},
        connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        read_timeout=_READ_TIMEOUT_SECONDS,
        max_pool_connections=params.get("concurrency", 1),
    )
    region, endpoint, arguments = get_aws_connection_info(asker)
    return boto3_conn(
        asker, conn_type="client", resource=service, region=region, endpoint=endpoint, config=defaults, **arguments
    )


@contextlib.contextmanager
def _setting_up() -> Iterator[None]:
    """Raise SetUpError for what keeps a client from being made."""
    try:
        yield
    except (BotoCoreError, ClientError, OSError, TypeError, ValueError) as error:
        # ClientError and OSError: a role that may not be assumed, a token file or credential process that is not there.
        raise _set_up_error(error) from error


def require_sdk() -> None:
    """Raise SetUpError where there is no SDK. A module need not ask: AnsibleAWSModule does."""
    if not _NEVER_SENT:
        raise SetUpError(
            f"The Python packages boto3 and botocore are needed, and {sys.executable} has none. Install them for that "
            "Python: pip install boto3."
        )


def assume_role(params: Mapping[str, Any], role_arn: str) -> dict[str, Any]:
    """Return the options with the credentials of an IAM role instead of those that may assume it (AssumeRole).

    Raises SetUpError where it may not be assumed.
    """
    with _setting_up():
        client = _make_client(params, "sts", _STS_MAX_ATTEMPTS)
        given = client.assume_role(RoleArn=role_arn, RoleSessionName="ansible-sshkeys-aws")["Credentials"]
    temporary = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    return {**params, "profile": None, **dict(zip(CREDENTIALS, temporary))}


def uses_fips(client: Any) -> bool:
    """Return whether the configuration of the SDK asks for endpoints with validated cryptography."""
    return bool(getattr(client.meta.config, "use_fips_endpoint", False))


def ca_bundle(params: Mapping[str, Any]) -> str:
    """Return the file with the certificates that are trusted: of the environment, of the profile, or the SDK's own."""
    session = botocore.session.Session(profile=params.get("profile"))
    return str(session.get_config_variable("ca_bundle") or httpsession.get_cert_path(True))


class Prepared(NamedTuple):
    """What every client is made of, read before it is known who needs one: most of the work of making one.

    descriptions: botocore's Loader that has read the descriptions of the services.
    bundle: the CA bundle; where it may not have been read, it is read for each client.
    """

    descriptions: Any
    bundle: CABundle | None


class CABundle(NamedTuple):
    """The certificates of a file, read into an SSL context; and the file, as it was then."""

    path: str
    version: tuple[int, int]
    context: ssl.SSLContext


def prepare() -> Prepared | None:
    """Read what clients of both services are made of. Makes no session. Returns None where there is no SDK."""
    if not _NEVER_SENT:
        return None
    loader = create_loader()
    # What another botocore does not have, or keeps elsewhere, is read when a client needs it.
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        with contextlib.suppress(BotoCoreError):
            loader.load_data(name)
    for service in (INSTANCE_CONNECT, TRANSFER):
        for kind in ("service-2", "endpoint-rule-set-1"):
            with contextlib.suppress(BotoCoreError):
                loader.load_service_model(service, kind)
    return Prepared(loader, _read_bundle())


def _read_bundle() -> CABundle | None:
    """Read the CA bundle that the environment names, or the SDK's own. A profile may name another."""
    with contextlib.suppress(AttributeError, OSError):
        path = os.environ.get("AWS_CA_BUNDLE") or str(httpsession.get_cert_path(True))
        bundle = CABundle(path, _version(path), httpsession.create_urllib3_context())
        _load_once(bundle.context)
        # As urllib3 does for each connection.
        bundle.context.load_verify_locations(path, None, None)
        return bundle
    return None


def _version(path: str) -> tuple[int, int]:
    """Return what is another when a file has been changed: time of the change, and size."""
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size


# What the clients are made of that are made meanwhile: see ``using``.
_prepared: ContextVar[Prepared | None] = ContextVar("_prepared", default=None)


@contextlib.contextmanager
def using(prepared: Prepared | None) -> Iterator[None]:
    """Let the clients that are made meanwhile be made of what has been read already. None: of what they read.

    It is amazon.aws that makes a session, and it has no way to hand it a loader.
    """
    if prepared is None:
        yield
        return
    descriptions = prepared.descriptions
    searched = list(descriptions.search_paths)
    # A path that somebody has configured is for a loader of its own.
    vars(botocore.session).update(create_loader=lambda path=None: create_loader(path) if path else descriptions)
    token = _prepared.set(prepared)
    try:
        yield
    finally:
        _prepared.reset(token)
        vars(botocore.session).update(create_loader=create_loader)
        # boto3 adds its own folder for each session.
        descriptions.search_paths[:] = searched


def _load_certificates_once(client: Any) -> None:
    """Let the connections of a client share what they read of the CA bundle.

    They share the SSL context, and urllib3 loads the whole bundle into it again for each of them, which costs more than
    all the calls of a connection. botocore has no public way to it; where its inside is another one, all works as
    before.
    """
    with contextlib.suppress(AttributeError):
        session = client._endpoint.http_session  # noqa: SLF001
        pool = session._manager.connection_pool_kw  # noqa: SLF001
        prepared = _prepared.get()
        bundle = prepared and prepared.bundle
        # A certificate of the client's own is in its context.
        if bundle and not session._cert_file and _is_current(bundle, session._verify):  # noqa: SLF001
            pool["ssl_context"] = bundle.context
        else:
            _load_once(pool["ssl_context"])


def _is_current(bundle: CABundle, verify: bool | str) -> bool:
    """Return whether a client reads this bundle, and would find in it what was found there.

    verify: what botocore was told: a path, True for the bundle of its own, or False.
    """
    path = httpsession.get_cert_path(True) if verify is True else verify
    try:
        return path == bundle.path and _version(bundle.path) == bundle.version
    except OSError:
        return False


def _load_once(context: Any) -> None:
    """Let an SSL context load a bundle once, however often it is told to."""
    context.load_verify_locations = _once(context.load_verify_locations)


def _once(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function that does nothing when it has been called with the same arguments before."""
    seen: set[object] = set()
    lock = threading.Lock()

    def once(*arguments: object, **named: object) -> None:
        with lock:
            key = (arguments, frozenset(named.items()))
            if key not in seen:
                function(*arguments, **named)
                seen.add(key)

    return once


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
    # What cannot be sent as a header is a credential, and would be repeated.
    is_secret = could_be_a_secret(str(error)) or "Invalid header value" in str(error)
    told = "an option holds a key where none belongs." if is_secret else _sentence(error)
    return SetUpError(f"No connection to AWS can be set up: {told} {hint_for_sdk_error(error)}")


# A call of each service that can be signed, to see whether there is anything to sign with.
_SIGNABLE: dict[str, tuple[str, dict[str, str]]] = {
    INSTANCE_CONNECT: (
        "send_ssh_public_key",
        {"InstanceId": "i-00000000", "InstanceOSUser": "nobody", "SSHPublicKey": "-" * 80},
    ),
    TRANSFER: ("list_users", {"ServerId": "s-00000000000000000"}),
    EC2: ("describe_instances", {}),
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


def sent_at() -> float:
    """Return when the last attempt of this thread's last call was sent, seconds since the epoch."""
    return _attempt.sent_at


# How both services say that they are called too often.
_THROTTLED = {"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"}
_TOO_MANY_REQUESTS = 429

# The longest first wait for what passes by itself. botocore tries these again too, but takes all retries of a client
# out of one quota (botocore.retries.quota), so that the later targets of a fleet would fail untried. Broken connections
# are left to it: there the quota keeps a fleet from hammering an endpoint that is down.
_FIRST_DELAY_SECONDS = 1.0
_FIRST_DELAY_SECONDS_OF_SERVER_ERROR = 0.25

# The longest wait of a refused call while the service takes others: from then on the speed of all calls is what counts.
_DELAY_SECONDS_AMONG_OTHERS = 0.1
_AMONG_OTHERS_SECONDS = 1.0
# For how long a service that throttles may take no call at all until those that wait for it are given up.
_PATIENCE_SECONDS = 60.0


class _Tries:
    """When a call is sent, and when it is tried again: one for each client. The methods handle events of botocore."""

    def __init__(self, *, is_limited: bool) -> None:
        """is_limited: whether the user has said how often a call is tried."""
        self._is_limited = is_limited
        self._pacer = Pacer()

    def await_turn(self, **_event: object) -> None:
        """Wait until the call may be sent (request-created)."""
        delay = self._pacer.delay(time.monotonic())
        if delay:
            time.sleep(delay)

    def delay_before_retry(self, response: Any, attempts: int, request_dict: Any, **_event: object) -> float | None:
        """Return the seconds to wait before another attempt, None to leave it to botocore (needs-retry).

        attempts: how often the call was tried, 1 and up.
        """
        if response is None:
            return None
        http_response, answer = response
        code = answer.get("Error", {}).get("Code")
        limit = _limit(request_dict["context"]["client_config"].retries or {})
        if code in _THROTTLED or http_response.status_code == _TOO_MANY_REQUESTS:
            return self._delay_of_throttled(answer, attempts, limit)
        if http_response.status_code in _SERVER_ERRORS:
            return _backoff(_FIRST_DELAY_SECONDS_OF_SERVER_ERROR, attempts) if attempts < limit else None
        self._pacer.taken(time.monotonic())
        if code == "EC2InstanceUnavailableException" and attempts < limit:
            return _backoff(_FIRST_DELAY_SECONDS, attempts)
        return None

    def _delay_of_throttled(self, answer: Mapping[str, Any], attempts: int, limit: int) -> float | None:
        now = time.monotonic()
        self._pacer.refused(now)
        is_lively = self._pacer.seconds_since_success(now) <= _MAX_DELAY_SECONDS
        # While the service takes other calls, a call waits for its turn as long as it takes.
        if attempts >= limit and (self._is_limited or not is_lively):
            return None
        if self._pacer.seconds_refused(now) > _PATIENCE_SECONDS:
            return None
        asked_for = str(answer.get("RetryAfterSeconds", ""))
        if asked_for.isdecimal():
            return min(float(asked_for), _MAX_DELAY_SECONDS) + random.random()
        if self._pacer.seconds_since_success(now) <= _AMONG_OTHERS_SECONDS:
            return random.random() * _DELAY_SECONDS_AMONG_OTHERS
        return _backoff(_FIRST_DELAY_SECONDS, attempts)


def _limit(retries: Mapping[str, Any]) -> int:
    """Return how often a call is tried; 0 to leave that to botocore, where the user has chosen a way of its own."""
    return retries.get("total_max_attempts", 0) if retries.get("mode") != "adaptive" else 0


def _backoff(first_delay: float, attempts: int) -> float:
    """Return seconds (AWS Architecture Blog, "Exponential Backoff And Jitter", full jitter)."""
    # The exponent is bounded too: a call may be tried very often.
    return random.random() * min(first_delay * 2.0 ** min(attempts - 1, 10), _MAX_DELAY_SECONDS)


# -- Errors to words -------------------------------------------------------------------------------------------------


def call(method: Callable[..., Any], **arguments: Any) -> Any:
    """Make a call. Returns its answer, a dict. Raises ServiceError when it failed for good.

    While the thread makes no other call, sent_at tells when the last attempt was sent.
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
    except (AttributeError, KeyError, OSError, ResponseParserError, TypeError, ValueError) as error:
        # botocore's parser takes the types of an answer on trust; and a credential process may vanish in the middle.
        raise unexpected({}, f"form that botocore can read ({type(error).__name__})") from error


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


def unexpected(answer: Mapping[str, Any], missing: str, *, in_doubt: bool = True) -> ServiceError:
    """Return the error for an answer that lacks what the service always sends: something else answered."""
    request_id = printable(answer.get("ResponseMetadata", {}).get("RequestId", ""))
    return ServiceError(
        "UnexpectedAnswer",
        f"The answer has no {missing}" + (f" (request id {request_id})" if request_id else ""),
        hint_for("ResponseParserError"),
        in_doubt=in_doubt,
    )


def _sentence(error: Exception) -> str:
    return printable(error).rstrip(".") + "."


def read(method: Callable[..., Any], **arguments: Any) -> Any:
    """Make a call that changes nothing, so that a failure of it leaves nothing in doubt."""
    try:
        return call(method, **arguments)
    except ServiceError as error:
        raise replace(error, in_doubt=False) from error
