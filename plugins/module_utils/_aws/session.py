# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The AWS side of a task: its region, its credentials and its clients.

amazon.aws's get_aws_connection_info turns options into credentials, region and endpoint, as in all modules for AWS. The
session is made here, because amazon.aws's session cannot reuse preloaded data.
"""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from typing import Any, Iterator, Mapping, NoReturn

from ansible.module_utils.ansible_release import __version__ as ansible_version
from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import calls, retries, ssl_context
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.mfa import needs_code
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import Preloaded
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.role import check_role_arn
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import (
    EC2,
    INSTANCE_CONNECT,
    SSM,
    TRANSFER,
    BotoCoreError,
    ClientError,
    Config,
    Credentials,
    NoCredentialsError,
    botocore,
    httpsession,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.signing import Signer
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    SetUpError,
    hint_for_sdk_error,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import holds_private_key
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region

COLLECTION_VERSION = "0.3.0"

_CREDENTIALS = ("access_key", "secret_key", "session_token")
# Values from a file often end in a line break, which HTTP headers do not allow.
_IN_HEADERS = (*_CREDENTIALS, "region")

# Both services answer within a second or two; botocore's default of 60 seconds would, with retries, be minutes.
_CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 10
# A session whose StartSession got no answer stays at AWS, and the next one would be another one.
_ATTEMPTS = {SSM: 1}
# Other tasks wait for this call.
_STS_MAX_ATTEMPTS = 3

# amazon.aws reads the option region from these variables if a task does not set it.
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
# Variables of all AWS SDKs (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT", "AWS_ENDPOINT_URL")


# AWS CLI 2 prompts for the code, too (AWS CLI Command Reference, "configure export-credentials").
_NO_CODE = (
    "The profile {profile} needs an MFA code, which cannot be typed here. Get temporary credentials first, and use "
    'them without naming the profile: unset AWS_PROFILE; eval "$(aws configure export-credentials --profile {profile} '
    '--format env)"'
)


class Session:
    """The region, the credentials and the clients of one set of options."""

    def __init__(
        self, params: Mapping[str, Any], preloaded: Preloaded | None = None, *, sdk_session: Any = None
    ) -> None:
        """Store the options. Reads and sends nothing.

        params: the options of amazon.aws's common and region fragments, ``assume_role_arn``, and ``concurrency`` if the
        module has it.
        preloaded: the data for clients, if it was read before.
        sdk_session: the botocore session, if there is one that has read the configuration.
        """
        self.params = {**params, **{name: (params.get(name) or "").strip() or None for name in _IN_HEADERS}}
        self._preloaded = preloaded
        if sdk_session is not None:
            self._sdk_session = sdk_session

    @cached_property
    def region(self) -> Region:
        """The region of the calls, and its source. Raises SetUpError if no region is configured."""
        given = self.params["region"]
        if given:
            variables = [name for name in _REGION_VARIABLES if os.environ.get(name, "").strip() == given]
            # The option takes its default from the variables, so the two cannot be told apart.
            or_environment = f" or {variables[0]} in the environment" if variables else ""
            return Region(given, f"the option region{or_environment}")
        profile = self.params.get("profile") or None
        with _setting_up():
            configured = self._sdk_session.get_config_variable("region")
        if configured:
            return Region(configured, f"the profile {profile}" if profile else "the AWS configuration")
        in_config = (self.params.get("aws_config") or {}).get("region_name")
        if in_config:
            return Region(str(in_config), "the option aws_config")
        raise SetUpError(
            "No region is configured, and the call needs one. Set region, AWS_REGION in the environment, or a region "
            "in the profile, on the host that calls AWS."
        )

    @property
    def known_region(self) -> Region | None:
        """The same as ``region``, for a sentence about a failed call; None if no region is configured."""
        with contextlib.suppress(SetUpError):
            return self.region
        return None

    @property
    def endpoint(self) -> str:
        """A name for the endpoint of EC2 Instance Connect, as far as known without a client; empty for AWS's own."""
        profile = self.params.get("profile")
        return str(
            self.params.get("endpoint_url")
            or next((os.environ[name] for name in _ENDPOINT_VARIABLES if os.environ.get(name)), "")
            # The configuration of a profile may set its own endpoint.
            or (f"that of the profile {profile}" if profile else "")
        )

    @property
    def ca_bundle(self) -> str:
        """The file with the trusted certificates: from the environment, from the profile, or the SDK's default."""
        return str(self._sdk_session.get_config_variable("ca_bundle") or httpsession.get_cert_path(True))

    def client(self, service: str, *, reads_only: bool = False) -> Any:
        """Make a client of a service. Sends nothing to it. The first client assumes the role of ``assume_role_arn``.

        service: INSTANCE_CONNECT, TRANSFER, EC2 or SSM of sdk.py. reads_only: whether any call may be repeated.
        Raises SetUpError if region, credentials, profile, role, endpoint or aws_config cannot be used.
        """
        if self._of_role:
            return self._of_role.client(service, reads_only=reads_only)
        region = self.region
        with _setting_up():
            attempts = retries.TOTAL_MAX_ATTEMPTS if reads_only else _ATTEMPTS.get(service, retries.TOTAL_MAX_ATTEMPTS)
            client = self._make_client(service, region.name, attempts)
            _check_credentials(client, service)
        ssl_context.share(client, self._preloaded.bundle if self._preloaded else None)
        retries.attach(client, service, is_limited="retries" in (self.params.get("aws_config") or {}))
        calls.attach(client, service)
        return client

    def signer(self) -> Signer:
        """Return a signer for requests that no client makes, with the credentials of now. Raises SetUpError."""
        if self._of_role:
            return self._of_role.signer()
        with _setting_up():
            _endpoint, arguments = self._connection_info(self.region.name)
            access_key, secret_key, token = (
                arguments.get(f"aws_{name}") for name in ("access_key_id", "secret_access_key", "session_token")
            )
            if access_key and secret_key:
                return Signer(Credentials(access_key, secret_key, token), self.region.name)
            found = self._sdk_session.get_credentials()
            if not found:
                raise NoCredentialsError
            return Signer(found.get_frozen_credentials(), self.region.name)

    def assume_role(self, role_arn: str) -> Session:
        """Return a session with the credentials of an IAM role (AssumeRole), and otherwise the same configuration.

        Raises SetUpError if the role cannot be assumed.
        """
        try:
            check_role_arn(role_arn)
        except ArgumentError as error:
            raise SetUpError(str(error)) from error
        with _setting_up():
            client = self._make_client("sts", self.region.name, _STS_MAX_ATTEMPTS)
            answer = client.assume_role(RoleArn=role_arn.strip(), RoleSessionName="ansible-sshkeys-aws")
        given = answer["Credentials"]
        temporary = dict(zip(_CREDENTIALS, (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])))
        # amazon.aws refuses a profile beside credentials. What the profile configures is in the session of the SDK.
        params = {**self.params, "profile": None, "assume_role_arn": None, **temporary}
        assumed = Session(params, self._preloaded, sdk_session=self._sdk_session)
        assumed.region = self.region
        return assumed

    @cached_property
    def _of_role(self) -> Session | None:
        """The session of the role that the options name; None if they name none. Raises SetUpError."""
        role = self.params.get("assume_role_arn")
        return self.assume_role(role) if role else None

    def _connection_info(self, region: str) -> tuple[str | None, dict[str, Any]]:
        """Return the endpoint, and the arguments for a client of the SDK. Raises the exceptions of amazon.aws."""
        _region, endpoint, arguments = get_aws_connection_info(_Asker({**self.params, "region": region}))
        return endpoint, arguments

    def _make_client(self, service: str, region: str, total_max_attempts: int) -> Any:
        """Return a plain client of the SDK. Raises the exceptions of amazon.aws and the SDK."""
        endpoint, arguments = self._connection_info(region)
        config = Config(
            user_agent=f"APN/1.0 Ansible/{ansible_version} sshkeys.aws/{COLLECTION_VERSION}",
            retries={"mode": "standard", "total_max_attempts": total_max_attempts},
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_pool_connections=self.params.get("concurrency", 1),
        ).merge(arguments.pop("aws_config", None) or Config())
        arguments.pop("profile_name", None)
        return self._sdk_session.create_client(
            service, region_name=region, endpoint_url=endpoint or None, config=config, **arguments
        )

    @cached_property
    def _sdk_session(self) -> Any:
        """The botocore session. It reads the configuration and finds the credentials once, for all clients.

        Raises SetUpError for a profile that needs an MFA code, and the exceptions of botocore.
        """
        profile = self.params.get("profile") or None
        session = botocore.session.Session(profile=profile)
        # The SDK takes those first, unless a profile is named beside them.
        if not self.params["access_key"] and (profile or not os.environ.get("AWS_ACCESS_KEY_ID")):
            used = session.profile or "default"
            if needs_code(session.full_config.get("profiles", {}), used):
                raise SetUpError(_NO_CODE.format(profile=used))
        # A session with the user's own path for service descriptions needs its own loader.
        if self._preloaded and not session.get_config_variable("data_path"):
            session.register_component("data_loader", self._preloaded.loader)
        return session


def uses_fips(client: Any) -> bool:
    """Return whether the configuration of the SDK asks for FIPS endpoints."""
    return bool(getattr(client.meta.config, "use_fips_endpoint", False))


@contextlib.contextmanager
def _setting_up() -> Iterator[None]:
    """Turn the exceptions of making a client into SetUpError."""
    try:
        yield
    except (BotoCoreError, ClientError, OSError, RuntimeError, TypeError, ValueError) as error:
        # ClientError: a role cannot be assumed. OSError: a token file or credential process is missing. RuntimeError:
        # refreshed credentials have expired.
        raise _set_up_error(error) from error


class _Asker:
    """A stand-in for the module that amazon.aws expects. It raises failures instead of exiting."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def fail_json(self, msg: str, **_details: object) -> NoReturn:
        raise SetUpError(
            f"The connection to AWS cannot be set up: {msg.rstrip('.')}. Check region, profile, access_key, secret_key "
            "and session_token, and the environment variables for them, such as AWS_ACCESS_KEY_ID."
        )


def _set_up_error(error: Exception) -> SetUpError:
    # An invalid header value is a credential, and the message repeats it.
    is_secret = holds_private_key(str(error)) or "Invalid header value" in str(error)
    told = "an option contains a key that does not belong there." if is_secret else calls.sentence(error)
    return SetUpError(f"The connection to AWS cannot be set up: {told} {hint_for_sdk_error(error)}")


# A call of each service, which is signed, but not sent, to check that there are credentials.
_SIGNABLE: dict[str, tuple[str, dict[str, str]]] = {
    INSTANCE_CONNECT: (
        "send_ssh_public_key",
        {"InstanceId": "i-00000000", "InstanceOSUser": "nobody", "SSHPublicKey": "-" * 80},
    ),
    TRANSFER: ("list_users", {"ServerId": "s-00000000000000000"}),
    EC2: ("describe_instances", {}),
    SSM: ("get_connection_status", {"Target": "i-00000000"}),
}


def _check_credentials(client: Any, service: str) -> None:
    """Raise botocore's error if there are no credentials, once instead of for each target. Sends no request."""
    method, arguments = _SIGNABLE[service]
    client.generate_presigned_url(method, Params=arguments)
