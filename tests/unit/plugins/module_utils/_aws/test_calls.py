# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call tells: when it was sent, whether it is in doubt, and why it failed."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import instance_connect, transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import call, read, sentence, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import (
    DROP,
    IMPORTED,
    KEY,
    PUSHED,
    SERVER_ID,
    TARGET,
    Answer,
    ScriptedService,
    client,
    error,
    import_key,
    push,
)
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

NEVER_SENT, LOST = EndpointConnectionError(endpoint_url="https://x"), ReadTimeoutError(endpoint_url="https://x")


@pytest.mark.parametrize(
    ("script", "in_doubt"),
    [
        ([error("InvalidRequestException")], False),
        ([error("ThrottlingException"), error("ResourceExistsException")], False),
        ([error("InternalServiceError", 500), error("ResourceExistsException")], True),
        ([DROP, error("ResourceExistsException")], True),
        ([DROP], True),
        ([error("InternalServiceError", 500)], True),
        ([(200, "<html>a proxy</html>")], True),
        ([(200, {})], True),
    ],
)
def test_doubt_is_told(service: ScriptedService, delays: list[float], script: list[Answer], in_doubt: bool) -> None:
    """An error tells whether any attempt may have been carried out without an answer that says so."""
    with pytest.raises(ServiceError) as failure:
        import_key(service, script)
    assert failure.value.in_doubt is in_doubt
    assert ("unknown whether" in str(failure.value)) is in_doubt


def test_doubt_does_not_outlive_its_call(service: ScriptedService, delays: list[float]) -> None:
    """A lost answer of one call says nothing of the next call in the same thread."""
    service.script = [DROP, IMPORTED, error("ResourceExistsException")]
    made = client(service, TRANSFER)
    transfer.import_key(made, SERVER_ID, "partner", KEY.line)
    with pytest.raises(ServiceError) as failure:
        transfer.import_key(made, SERVER_ID, "partner", KEY.line)
    assert not failure.value.in_doubt


@pytest.mark.parametrize(
    ("failures", "in_doubt"),
    [([NEVER_SENT], False), ([LOST, NEVER_SENT], True), ([NEVER_SENT, LOST, NEVER_SENT], True)],
)
def test_an_attempt_that_was_lost_leaves_doubt_whatever_comes_after_it(
    service: ScriptedService, delays: list[float], failures: list[Exception], in_doubt: bool
) -> None:
    """The last attempt never left this host, and an attempt before it may have been carried out."""
    left = [*failures]

    def fail(**_event: object) -> None:
        raise left.pop(0) if len(left) > 1 else left[0]

    made = client(service, TRANSFER)
    made.meta.events.register("before-send.transfer", fail)
    with pytest.raises(ServiceError) as failure:
        transfer.import_key(made, SERVER_ID, "partner", KEY.line)
    assert (failure.value.code, failure.value.in_doubt) == ("EndpointConnectionError", in_doubt)


def test_nobody_listens(service: ScriptedService, delays: list[float]) -> None:
    """An endpoint that refuses connections is named with what to check; nothing was sent, so there is no doubt."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ServiceError, match="Check endpoint_url and region") as failure:
            push(service, [PUSHED], endpoint_url=endpoint)
    assert failure.value.code == "EndpointConnectionError"
    assert endpoint in failure.value.message
    assert not failure.value.in_doubt


def test_the_push_time_is_that_of_the_attempt_that_arrived(
    service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The 60 seconds run from before the last attempt, not from before the first."""
    waited_until: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: waited_until.append(time.time()))
    lease = push(service, [error("ThrottlingException"), PUSHED])
    assert waited_until[0] <= lease.pushed_at <= service.requests[1][2]


def test_the_push_time_is_later_than_the_signature(service: ScriptedService) -> None:
    """Signing may fetch credentials first, which may take seconds of the 60."""
    made = client(service, INSTANCE_CONNECT)
    signed_at: list[float] = []
    made.meta.events.register("before-sign.ec2-instance-connect", lambda **_event: signed_at.append(time.time()))
    service.script = [PUSHED]
    pushed_at = instance_connect.push(made, TARGET, KEY).pushed_at
    assert len(signed_at) == 1
    assert signed_at[0] <= pushed_at


def test_messages_are_safe_for_a_terminal(service: ScriptedService) -> None:
    """Escape sequences in a service's message do not reach the screen."""
    with pytest.raises(ServiceError) as failure:
        push(service, [(400, {"__type": "InvalidArgsException", "Message": "\x1b[31mred\x07\n\u202egnp"})])
    assert str(failure.value).isprintable()
    assert "red" in str(failure.value)


def test_credentials_with_a_line_break(service: ScriptedService, delays: list[float]) -> None:
    """Read from a file they end in one; inside of them it cannot be sent, and must not be shown."""
    given: dict[str, Any] = {
        "session_token": "token\n",
        "access_key": "AKIAIOSFODNN7EXAMPLE\n",
        "region": "us-east-1\n",
    }
    assert push(service, [PUSHED], **given).request_id == "request-1"
    with pytest.raises(ServiceError, match="line breaks") as failure:
        push(service, [PUSHED], session_token="IQoJ\nb3Jp")
    assert "IQoJ" not in str(failure.value)
    assert not failure.value.in_doubt


@pytest.mark.parametrize("answer", ["[]", "null", '"x"', "{", '{"User": []}', '{"User": {"SshPublicKeys": [{}]}}'])
def test_a_malformed_answer_is_an_error_of_its_call(service: ScriptedService, delays: list[float], answer: str) -> None:
    """The SDK trusts the types of an answer; what breaks there must not end the whole run."""
    service.script = [(200, answer)]
    made = client(service, TRANSFER)
    with pytest.raises(ServiceError) as failure:
        transfer.describe_user(made, SERVER_ID, "partner")
    assert failure.value.code == "UnexpectedAnswer"
    assert not failure.value.in_doubt
    service.script = [(200, '{"Users": [{}]}')]
    with pytest.raises(ServiceError, match="UserName"):
        transfer.user_names(made, SERVER_ID)


# -- A call of any function -------------------------------------------------------------------------------------------


# An answer that says whose fault it is, as botocore's parser leaves it.
BROKEN: Any = {"Error": {"Code": "Broken"}, "ResponseMetadata": {"HTTPStatusCode": 503}}


def raising(error: Exception) -> Any:
    """Return a method of a client that fails."""

    def method(**_arguments: object) -> dict[str, Any]:
        raise error

    return method


def test_an_answer_is_its_members_and_the_time_of_the_call() -> None:
    """A client that nothing was attached to says nothing of its attempts, so they count as one."""
    before = time.time()
    answer = call(lambda **arguments: {"given": arguments}, ServerId=SERVER_ID)
    assert answer.content == {"given": {"ServerId": SERVER_ID}}
    assert before <= answer.sent_at <= time.time()


def test_what_is_noted_of_the_attempts_is_no_member_of_the_answer(service: ScriptedService) -> None:
    service.script = [(200, {"ServerId": SERVER_ID, "Users": []})]
    before = time.time()
    content, sent_at = call(client(service, TRANSFER).list_users, ServerId=SERVER_ID)
    assert set(content) == {"ServerId", "Users", "ResponseMetadata"}
    assert not [name for name in content["ResponseMetadata"] if "attempts" in name]
    assert before <= sent_at <= service.requests[0][2]


@pytest.mark.parametrize(
    ("failure", "code", "in_doubt"),
    [
        (EndpointConnectionError(endpoint_url="https://x"), "EndpointConnectionError", False),
        (ReadTimeoutError(endpoint_url="https://x"), "ReadTimeoutError", True),
        (ClientError({"Error": {"Code": "AuthException", "Message": "No"}}, "Op"), "AuthException", False),
        (ClientError(BROKEN, "Op"), "Broken", True),
        (ClientError({}, "Op"), "UnknownError", False),
        (KeyError("Users"), "UnexpectedAnswer", True),
        (OSError("no such program"), "UnexpectedAnswer", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_a_failure_of_the_sdk_becomes(failure: Exception, code: str, in_doubt: bool) -> None:
    """What reads only leaves nothing in doubt."""
    with pytest.raises(ServiceError) as called:
        call(raising(failure))
    assert (called.value.code, called.value.in_doubt) == (code, in_doubt)
    assert called.value.hint
    with pytest.raises(ServiceError) as was_read:
        read(raising(failure))
    assert (was_read.value.code, was_read.value.in_doubt) == (code, False)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "No."),
        ({"RetryAttempts": 0}, "No."),
        ({"RetryAttempts": 1}, "No (tried 2 times)"),
        ({"RequestId": "r-1\x1b"}, "No (request id r-1)"),
        ({"RetryAttempts": 7, "RequestId": "r-1"}, "No (tried 8 times, request id r-1)"),
    ],
)
def test_a_refusal_names_its_tries_and_its_request(metadata: dict[str, Any], message: str) -> None:
    answer: Any = {"Error": {"Code": "Refused", "Message": "No."}, "ResponseMetadata": metadata}
    refused = ClientError(answer, "Op")
    with pytest.raises(ServiceError) as failure:
        call(raising(refused))
    assert failure.value.message == message


def test_a_page_of_html_is_cut_short() -> None:
    """In a refusal and in an exception of the SDK."""
    page = "x" * 501
    with pytest.raises(ServiceError) as failure:
        call(raising(ClientError({"Error": {"Code": "Refused", "Message": page}}, "Op")))
    assert failure.value.message == page[:500]
    assert sentence(ValueError(page)) == f"{page[:500]}."


def test_what_nobody_expects_is_a_fault_of_the_program() -> None:
    with pytest.raises(ZeroDivisionError):
        call(raising(ZeroDivisionError()))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "The answer has no Success"),
        ({"ResponseMetadata": {"RequestId": "r-1\x1b"}}, "The answer has no Success (request id r-1)"),
    ],
)
def test_an_answer_of_something_else(answer: dict[str, Any], message: str) -> None:
    failure = unexpected(answer, "Success", in_doubt=False)
    assert (failure.code, failure.message, failure.in_doubt) == ("UnexpectedAnswer", message, False)
    assert unexpected(answer, "Success").in_doubt


@pytest.mark.parametrize(("said", "told"), [("It broke", "It broke."), ("It broke.", "It broke."), ("a\nb", "a b.")])
def test_what_an_exception_says_ends_as_a_sentence(said: str, told: str) -> None:
    assert sentence(ValueError(said)) == told
