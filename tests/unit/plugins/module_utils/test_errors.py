# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import botocore.exceptions
import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils import _errors
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    ServiceError,
    SetUpError,
    SshKeysError,
    capitalized,
    hint_for,
    missing_user,
    printable,
    shown,
    type_name,
)
from ansible_collections.sshkeys.aws.tests.unit.models import EC2_INSTANCE_CONNECT, TRANSFER, model

CALLS = {
    EC2_INSTANCE_CONNECT: ("SendSSHPublicKey", "SendSerialConsoleSSHPublicKey"),
    TRANSFER: ("ImportSshPublicKey", "DeleteSshPublicKey", "DescribeUser", "ListUsers"),
}


def codes_of_the_models() -> set[str]:
    """Return every error code that botocore's service models list for the calls of the collection."""
    return {
        error["shape"]
        for service, operations in CALLS.items()
        for operation in operations
        for error in model(service)["operations"][operation]["errors"]
    }


MODEL_CODES = sorted(codes_of_the_models())
UNKNOWN = hint_for("NobodyHasHeardOfThisException")


@pytest.mark.parametrize("code", MODEL_CODES)
def test_every_code_of_the_models_has_a_hint(code: str) -> None:
    assert hint_for(code) != UNKNOWN


# The reference pages and the services' facts name these beside the models: the first is not modelled, the others any
# call can meet.
@pytest.mark.parametrize(
    "code", ["ValidationException", "ThrottlingException", "AccessDeniedException", "UnrecognizedClientException"]
)
def test_codes_beside_the_models_have_a_hint(code: str) -> None:
    assert hint_for(code) != UNKNOWN


@pytest.mark.parametrize(
    "name",
    [
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
        "ProxyConnectionError",
        "SSLError",
    ],
)
def test_exceptions_of_botocore_have_a_hint(name: str) -> None:
    assert issubclass(getattr(botocore.exceptions, name), botocore.exceptions.BotoCoreError)
    assert hint_for(name) != UNKNOWN


def test_codes_that_mean_different_things_have_different_hints() -> None:
    # Those that a person can do something different about.
    codes = [code for code in MODEL_CODES if not code.startswith("Service") and code != "InternalServiceError"]
    assert len({hint_for(code) for code in codes}) == len(codes)


@pytest.mark.parametrize("code", [*sorted(_errors._HINTS), "NobodyHasHeardOfThisException"])
def test_hint_is_a_sentence(code: str) -> None:
    hint = hint_for(code)
    assert re.fullmatch(r"[A-Z][^\n]*[.)]", hint)
    assert hint.endswith(".")
    assert "  " not in hint


# -- Sentences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message", ["The instance is stopped", "The instance is stopped.", "The instance is stopped..."]
)
def test_sentence(message: str) -> None:
    assert str(ServiceError("SomeCode", message, "Start it.")) == "SomeCode: The instance is stopped. Start it."


def test_sentence_in_doubt() -> None:
    said = str(ServiceError("SomeCode", "It broke", "Run again.", in_doubt=True))
    assert said.startswith("SomeCode: It broke. It is unknown whether")
    assert said.endswith(" Run again.")


def test_result() -> None:
    error = ServiceError("SomeCode", "It broke", "Run again.", resource_type="User")
    assert error.result() == {"code": "SomeCode", "message": "It broke", "hint": "Run again."}


def test_a_result_in_doubt_says_so() -> None:
    error = ServiceError("SomeCode", "It broke.", "Run again.", in_doubt=True)
    assert error.result()["message"] == "It broke. It is unknown whether AWS carried out the call."
    assert str(error) == f"SomeCode: {error.result()['message']} Run again."


def test_every_error_is_caught_as_one() -> None:
    for error in (ArgumentError("x"), SetUpError("x"), ServiceError("C", "m", "h")):
        with pytest.raises(SshKeysError):
            raise error


def test_errors_are_told_apart_though_they_say_the_same() -> None:
    # As any exception; a set of failures must not lose one.
    assert len({ServiceError("C", "m", "h"), ServiceError("C", "m", "h")}) == 2


def test_missing_user() -> None:
    error = missing_user("s-01234567890abcdef", "partner", "Make it.")
    assert error.is_missing_user
    assert "partner" in str(error)
    assert "s-01234567890abcdef" in str(error)
    assert str(error).endswith(" Make it.")


# -- What an answer means ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "resource_type", "message", "expected"),
    [
        ("ResourceNotFoundException", "User", "Unknown user", True),
        ("ResourceNotFoundException", "USER", "Unknown user", True),
        ("ResourceNotFoundException", "", "Unknown user", True),
        ("ResourceNotFoundException", "User", "Unknown user on server s-01234567890abcdef", True),
        ("ResourceNotFoundException", "Server", "Unknown server", False),
        ("ValidationException", "", "Unknown user", False),
        ("ResourceNotFoundException", "server", "not here", False),
        ("ResourceNotFoundException", "", "Unknown server", False),
        ("ResourceNotFoundException", "", "Unknown Server", False),
        ("ResourceNotFoundException", "SshPublicKey", "Unknown key", False),
        ("ResourceNotFoundException", "AWS::Transfer::User", "no", True),
        ("ResourceNotFoundException", "", "User nobody does not exist on server s-01234567890abcdef", True),
        ("ResourceNotFoundException", "", "Server s-01234567890abcdef has no such user", False),
        ("ResourceNotFoundException", "", "Unknown resource s-01234567890abcdef", False),
        ("ResourceExistsException", "User", "it exists", False),
        ("InvalidRequestException", "User", "Unknown user", False),
        ("AccessDeniedException", "User", "Unknown user", False),
        # moto's codes
        ("UserNotFound", "", "partner does not match any user associated with server s-01234567890abcdef.", True),
        ("ServerNotFound", "", "There are no transfer protocol-enabled servers with ID s-01234567890abcdef.", False),
        ("PublicKeyNotFound", "", "k does not match any keys associated with user partner for server s-1.", False),
    ],
)
def test_is_missing_user(code: str, resource_type: str, message: str, expected: bool) -> None:
    assert ServiceError(code, message, "h", resource_type=resource_type).is_missing_user == expected


@pytest.mark.parametrize(
    ("code", "resource_type", "expected"),
    [
        ("ResourceNotFoundException", "SshPublicKey", True),
        ("ResourceNotFoundException", "", True),
        ("ResourceNotFoundException", "User", False),
        ("ResourceNotFoundException", "Server", False),
        ("PublicKeyNotFound", "", True),
        ("UserNotFound", "", False),
        ("ServerNotFound", "", False),
        ("AccessDeniedException", "SshPublicKey", False),
    ],
)
def test_is_missing_key(code: str, resource_type: str, expected: bool) -> None:
    assert ServiceError(code, "m", "h", resource_type=resource_type).is_missing_key == expected


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        # No code of its own is documented: whatever AWS may say when a user has as many keys as the quota allows.
        ("InvalidRequestException", "Maximum number of SSH public keys for the user reached", True),
        ("InvalidRequestException", "The user has exceeded the limit of 10 keys", True),
        ("InvalidRequestException", "SSH key quota exceeded for user partner.", True),
        ("InvalidRequestException", "Too many SSH public keys", True),
        ("InvalidRequestException", "A user may have at most 50 keys", True),
        ("ServiceQuotaExceededException", "no", True),
        ("QuotaExceededException", "no", True),
        ("LimitExceededException", "no", True),
        ("ResourceLimitExceeded", "no", True),
        ("InvalidRequestException", "User cannot have more than 10 SSH public keys", True),
        ("InvalidRequestException", "Max SSH public keys reached for user", True),
        ("ValidationException", "User has too many SSH public keys", True),
        ("ConflictException", "Number of SSH public keys exceeds the limit", True),
        ("ValidationException", "Value 'limit' failed to satisfy constraint: Member must be a key", False),
        # The limit on the rate of calls says nothing of the user, and no key may go because of it.
        ("ThrottlingException", "Rate exceeded", False),
        ("Throttling", "Rate exceeded", False),
        ("ThrottledException", "Request limit exceeded", False),
        ("TooManyRequestsException", "Too many requests", False),
        ("RequestThrottled", "Rate limit exceeded", False),
        ("RequestLimitExceeded", "Request limit exceeded.", False),
        ("BandwidthLimitExceeded", "Bandwidth limit exceeded", False),
        ("SlowDown", "Reduce your request rate", False),
        # Nor do these.
        ("InvalidRequestException", "Invalid SSH public key", False),
        ("InvalidRequestException", "SSH public key body exceeds the maximum length of 2048", False),
        ("InvalidRequestException", "The RSA key is limited to 4096 bits", False),
        ("InvalidRequestException", "Unsupported or invalid SSH public key format", False),
        ("InvalidRequestException", "The server has no identity provider of type SERVICE_MANAGED", False),
        ("ResourceExistsException", "too many", False),
        ("ResourceNotFoundException", "Unknown user", False),
        ("ValidationException", "Member must have length less than or equal to the maximum of 2048", False),
        ("InternalServiceError", "limit", False),
        ("ServiceUnavailableException", "limit exceeded", False),
        ("AccessDeniedException", "Access denied", False),
        ("ReadTimeoutError", "Read timeout limit exceeded", False),
    ],
)
def test_is_full_user(code: str, message: str, expected: bool) -> None:
    assert ServiceError(code, message, "h").is_full_user == expected


# -- Text of others in a sentence --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The user is unknown", "The user is unknown"),
        (" \x1b[2Jone\ntwo\t", "[2Jone two"),
        ("\u202eresu\udcff", "resu"),
        ("Schlüssel", "Schlüssel"),
        (ValueError("no\0thing"), "no thing"),
    ],
)
def test_printable(text: object, expected: str) -> None:
    assert printable(text) == expected


class TaggedText(str):
    """As ansible-core's own types since 2.19."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "name"), [("a", "str"), (TaggedText("a"), "str"), (None, "NoneType"), (True, "bool"), ([], "list")]
)
def test_a_type_is_named_as_python_names_it(value: object, name: str) -> None:
    assert type_name(value) == name


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", "''"),
        ("a\nb", r"'a\nb'"),
        ("a" * 40, repr("a" * 40)),
        # 43 characters are the shortest private key in base64.
        ("a" * 41, "(text of 41 characters)"),
        ("a" * 10_000, "(text of 10000 characters)"),
    ],
)
def test_shown(value: str, expected: str) -> None:
    assert shown(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("the endpoint", "The endpoint"), ("its IPv6 address", "Its IPv6 address"), ("EC2", "EC2"), ("", "")],
)
def test_only_the_first_letter_of_a_sentence_changes(text: str, expected: str) -> None:
    assert capitalized(text) == expected
