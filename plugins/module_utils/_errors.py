# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The errors that the collection raises, and the hints for the errors of AWS.

Pure. Nothing here exits: the entry of a module puts an error into its result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


class SshKeysError(Exception):
    """The base of every error that the collection raises on purpose. ``str()`` is a sentence for the user."""


def printable(text: object) -> str:
    """Make foreign text safe to print: control characters and undecodable bytes become blanks."""
    return "".join(character if character.isprintable() else " " for character in str(text)).strip()


def capitalized(text: str) -> str:
    """Return a text with a capital first letter, for the beginning of a sentence. The others stay as they are."""
    return text[:1].upper() + text[1:]


def shown(value: str) -> str:
    """Return an option's value for a sentence: in quotes, or, if it is long, only its length.

    A long value may be a private key pasted into the wrong option, which must not be repeated.
    """
    return repr(value) if len(value) <= _SHOWN_AT_MOST else f"(text of {len(value)} characters)"


# The 32 bytes of the shortest private key are 43 characters of base64.
_SHOWN_AT_MOST = 40


def type_name(value: object) -> str:
    """Return the name of the built-in type of a value, for a sentence.

    Values of ansible-core 2.19 and later have subclasses of it, such as _AnsibleTaggedInt.
    """
    return next(base.__name__ for base in type(value).__mro__ if base.__module__ == "builtins")


class ArgumentError(SshKeysError):
    """An option's value cannot be used. Nothing was sent."""


class NoEndpointError(ArgumentError):
    """No EC2 Instance Connect Endpoint of a VPC is ready."""


class SetUpError(SshKeysError):
    """No client can be made, because of region, credentials, profile, endpoint or configuration. Nothing was sent."""


_DOUBT = "It is unknown whether AWS carried out the call."


@dataclass(eq=False)
class ServiceError(SshKeysError):
    """A call to AWS failed, and is not tried again.

    code: the service's error code, or the name of botocore's exception if no service answered.
    message: the service's message.
    hint: the remedy, a sentence.
    in_doubt: whether an attempt was sent and it is unknown if the service carried it out.
    resource_type: the kind of resource that is missing or exists already ("Server", "User", ...); empty if unknown.
    """

    code: str
    message: str
    hint: str
    in_doubt: bool = False
    resource_type: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self._full_message.rstrip('.')}. {self.hint}"

    def result(self) -> dict[str, str]:
        """Return the ``error`` of a module's result: code, message and hint."""
        return {"code": self.code, "message": self._full_message, "hint": self.hint}

    @property
    def _full_message(self) -> str:
        if not self.in_doubt:
            return self.message
        return f"{self.message.rstrip('.')}. {_DOUBT}"

    @property
    def is_missing_user(self) -> bool:
        """Whether the Transfer user is missing, rather than its server or key.

        ResourceNotFoundException names the kind of resource in ResourceType (botocore's transfer model). moto, which
        people use to test their playbooks, has different codes.
        """
        if self.code != "ResourceNotFoundException":
            return self.code == "UserNotFound"
        if self.resource_type:
            return self.resource_type.lower().endswith("user")
        # The wording varies, but the missing resource is named first, and its place after it.
        named = re.search(r"\buser\b|\bserver\b|\bs-[0-9a-f]{17}\b", self.message, re.IGNORECASE)
        return named is None or named[0].lower() == "user"

    @property
    def is_missing_key(self) -> bool:
        """Whether a deletion failed because the Transfer user has no such key."""
        if self.code != "ResourceNotFoundException":
            return self.code == "PublicKeyNotFound"
        return self.resource_type.lower() not in ("user", "server")

    @property
    def is_full_user(self) -> bool:
        """Whether an import was refused because the user holds the maximum number of keys.

        AWS has changed this quota, and documents no specific error for it, so the message's wording decides.
        """
        if re.search(r"Quota|^(Resource)?LimitExceeded", self.code):
            return True
        if self.code not in _REFUSALS or "failed to satisfy constraint" in self.message:
            return False
        # The refusal of a key that is too long has similar wording, and no other key must be deleted for it.
        too_many = re.search(_TOO_MANY, self.message, re.IGNORECASE)
        too_long = re.search(r"length|\bbits?\b|bytes|characters", self.message, re.IGNORECASE)
        return too_many is not None and too_long is None


_REFUSALS = frozenset({"InvalidRequestException", "ValidationException", "ConflictException"})
_TOO_MANY = r"quota|limit|maximum|\bmax\b|exceed|too many|more than|at most"


def missing_user(server_id: str, user_name: str, hint: str) -> ServiceError:
    """Return the error for a Transfer user that does not exist, with AWS's code for it."""
    message = f"The user {user_name} does not exist on {server_id}"
    return ServiceError("ResourceNotFoundException", message, hint, resource_type="User")


_THROTTLED = "AWS limits the rate of these calls. Lower concurrency, or run again in a minute."
_CHECK_SERVER_AND_USER = "Check the server id, the user name, and the region and account of the task."

# Sources: the service models of botocore (ec2-instance-connect 2018-04-02, transfer 2018-11-05) for the codes,
# the API pages of both services for their meaning, and AWS's page of common errors for the codes of all services.
_HINTS = {
    # EC2 Instance Connect
    "AuthException": (
        "Allow ec2-instance-connect:SendSSHPublicKey (or SendSerialConsoleSSHPublicKey) on this instance in the IAM "
        "policy of these credentials, and check its ec2:osuser condition."
    ),
    "InvalidArgsException": "Check the instance id, the OS user, the Availability Zone and the key of this target.",
    "ServiceException": "The fault is on AWS's side. Run the task again; keys that were already pushed stay.",
    "EC2InstanceNotFoundException": (
        "Check that this instance exists in the region and account of the task, and in the Availability Zone if one "
        "is given."
    ),
    "EC2InstanceStateInvalidException": "Start the instance: a key can be pushed only to a running instance.",
    "EC2InstanceUnavailableException": (
        "The instance cannot accept a key at the moment. Wait a few minutes, look at its status checks, and run again."
    ),
    "EC2InstanceTypeInvalidException": "The serial console needs an instance type built on the Nitro System.",
    "SerialConsoleAccessDisabledException": (
        "Turn the serial console on for the account in this region (ec2:EnableSerialConsoleAccess)."
    ),
    "SerialConsoleSessionLimitExceededException": (
        "A serial console session is already open, and only one is allowed. Close it, or wait until it ends."
    ),
    "SerialConsoleSessionUnavailableException": "The session could not be opened. Wait a few minutes and run again.",
    "SerialConsoleSessionUnsupportedException": "This instance does not support the serial console.",
    # Transfer Family
    "InternalServiceError": "The fault is on AWS's side. Run the task again; it does the remaining steps.",
    "ServiceUnavailableException": "Transfer Family is not available at the moment. Run the task again later.",
    "InvalidRequestException": (
        "Check that the server manages its users itself (identity provider SERVICE_MANAGED). If a key was sent, check "
        "that it is valid."
    ),
    "ResourceExistsException": "Something else created it during this task. Run the task again.",
    "ResourceNotFoundException": _CHECK_SERVER_AND_USER,
    # moto's codes for the same errors
    "ServerNotFound": _CHECK_SERVER_AND_USER,
    "UserNotFound": _CHECK_SERVER_AND_USER,
    "ValidationException": "Check the value that the message names against the documentation of the module.",
    "InvalidNextTokenException": "The list of users changed while it was read. Run the task again.",
    # EC2
    "InvalidInstanceID.NotFound": "Check that this instance exists in the region and account of these credentials.",
    "InvalidInstanceConnectEndpointId.NotFound": "Check the id of the endpoint, and the region.",
    "UnauthorizedOperation": (
        "Allow the action in the IAM policy of these credentials. A connection may need ec2:DescribeInstances, "
        "ec2:DescribeInstanceConnectEndpoints and ec2:GetConsoleOutput."
    ),
    # Session Manager
    "TargetNotConnected": (
        "The SSM agent there has no connection to Session Manager. Check that the agent is installed and runs "
        "(2.3.672.0 or later), that the instance profile has the policy AmazonSSMManagedInstanceCore or the account "
        "has Default Host Management, and that the instance reaches ssmmessages and ssm of the region, by a NAT "
        "gateway or by VPC endpoints. After a boot this takes a minute or more."
    ),
    "InvalidDocument": "AWS-StartSSHSession is one of AWS's documents. Check region and endpoint_url.",
    "DoesNotExistException": (
        "The session has ended: it was idle for too long (Session Manager's preferences, 20 minutes by default), "
        "reached its maximum duration, or somebody has terminated it. Run again."
    ),
    # Every service
    "ThrottlingException": _THROTTLED,
    # The same of EC2 (EC2 API Reference, "Error codes").
    "RequestLimitExceeded": _THROTTLED,
    "AccessDeniedException": "Allow the action that the message names in the IAM policy of these credentials.",
    # STS, when a role is assumed
    "AccessDenied": (
        "Allow sts:AssumeRole on this role in the IAM policy of these credentials, and allow them in the trust policy "
        "of the role."
    ),
    "AuthFailure": "AWS does not know this access key. Check access_key, profile and region.",
    "UnrecognizedClientException": "AWS does not know this access key. Check access_key, profile and region.",
    "InvalidClientTokenId": "AWS does not know this access key. Check access_key, profile and region.",
    "MissingAuthenticationTokenException": "Check that endpoint_url is the endpoint of this service.",
    "ExpiredTokenException": "The session token has expired. Get new temporary credentials.",
    "InvalidSignatureException": "Check the secret key, and the clock of the host that calls AWS.",
    "SignatureDoesNotMatch": "Check the secret key, and the clock of the host that calls AWS.",
    "RequestExpired": "Set the clock of the host that calls AWS.",
    "OptInRequired": "This account is not signed up for the service, or not for this region.",
    # Exceptions of botocore, when no service answered
    "NoCredentialsError": (
        "Set access_key and secret_key, profile, or the environment of AWS on the host that calls AWS."
    ),
    "ConfigParseError": "Correct the AWS configuration file of the host that calls AWS.",
    "InvalidRegionError": "Check region.",
    "ProfileNotFound": "Check profile, and the AWS configuration files of the host that calls AWS.",
    "ValueError": "Check endpoint_url and aws_config.",
    "TypeError": "Check aws_config.",
    "ParamValidationError": (
        "The installed SDK does not know a value of this task. Upgrade boto3 and botocore, or leave the option out."
    ),
    "PartialCredentialsError": "Set both access_key and secret_key.",
    "CredentialRetrievalError": "Run the credential process, or the login, of this profile by hand and read its "
    "output.",
    "SSOTokenLoadError": "Log in again: aws sso login.",
    "UnauthorizedSSOTokenError": "Log in again: aws sso login.",
    "TokenRetrievalError": "Log in again: aws sso login.",
    "EndpointConnectionError": "Check endpoint_url and region, and that this host can reach the address.",
    "ConnectTimeoutError": "Check endpoint_url and region, and that a firewall lets this host reach the address.",
    "ReadTimeoutError": "The service did not answer in time. Run again, or raise read_timeout in aws_config.",
    "ConnectionClosedError": "The connection was cut before an answer came. Run the task again.",
    "ProxyConnectionError": "Check the proxy in the environment of the host that calls AWS.",
    "SSLError": "Check aws_ca_bundle, and that endpoint_url speaks TLS.",
    "ResponseParserError": "The answer is not from this AWS service. Check endpoint_url and proxies.",
}

_UNKNOWN_CODE = "Look up the code in the API reference of the service; the request id in the message helps AWS Support."
_UNKNOWN_SDK_ERROR = "Check region, profile, endpoint_url and aws_config of the task."


def hint_for(code: str) -> str:
    """Return the remedy for an error code of AWS, or for the name of an exception of botocore, as a sentence."""
    # For an answer without an AWS code, botocore's code is the HTTP status.
    return _HINTS.get("ResponseParserError" if code.isdigit() else code, _UNKNOWN_CODE)


def hint_for_sdk_error(error: Exception) -> str:
    """Return the remedy for an exception of botocore, as a sentence. A ClientError has the error code of AWS."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return _HINTS.get(code) or _HINTS.get(type(error).__name__, _UNKNOWN_SDK_ERROR)
