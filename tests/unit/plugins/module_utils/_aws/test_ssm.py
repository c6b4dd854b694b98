# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a connection asks Session Manager, and what it makes of the answers. botocore's Stubber is the service."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore
import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ssm
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import Credentials
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.signing import Signer
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.tests.unit.sdk_data import plain_session
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService
from botocore.stub import Stubber

INSTANCE_ID = "i-0123456789abcdef0"
SESSION_ID = "alice-0123456789abcdef0"
HOST = "ssmmessages.us-east-1.amazonaws.com"
PATH = f"/v1/data-channel/{SESSION_ID}?role=publish_subscribe&cell-number=AAE/+a="
URL = f"wss://{HOST}{PATH}"
TOKEN = "AAEAAc0ffee"
STARTED = {"SessionId": SESSION_ID, "TokenValue": TOKEN, "StreamUrl": URL}
ASKED = {
    "Target": INSTANCE_ID,
    "DocumentName": "AWS-StartSSHSession",
    "Parameters": {"portNumber": ["22"]},
    "Reason": "Ansible connection sshkeys.aws.ec2_instance_connect",
}
ONE = {"SessionId": SESSION_ID}

CALLS: dict[str, tuple[Callable[[Any], object], str]] = {
    "start_session": (
        lambda client: ssm.start(client, INSTANCE_ID, 22),
        (
            f"Allow ssm:StartSession on {INSTANCE_ID} and on the document AWS-StartSSHSession in the IAM policy of "
            "these credentials."
        ),
    ),
    "resume_session": (
        lambda client: ssm.resume(client, SESSION_ID),
        f"Allow ssm:ResumeSession on the session {SESSION_ID} in the IAM policy of these credentials.",
    ),
    "terminate_session": (
        lambda client: ssm.terminate(client, SESSION_ID),
        f"Allow ssm:TerminateSession on the session {SESSION_ID} in the IAM policy of these credentials.",
    ),
}


@pytest.fixture
def service() -> StubbedService:
    """Return SSM without a script yet."""
    return StubbedService("ssm")


def failure(service: StubbedService, operation: str, code: str) -> ServiceError:
    """Return what a call raises that AWS refuses."""
    service.stubber.add_client_error(operation, code, "It said so")
    with service.playing(), pytest.raises(ServiceError) as failed:
        CALLS[operation][0](service.client)
    assert failed.value.code == code
    return failed.value


# -- What is sent ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", [22, 2222])
def test_a_session_is_started_with_what_aws_documents(service: StubbedService, port: int) -> None:
    asked = {**ASKED, "Parameters": {"portNumber": [str(port)]}}
    service.stubber.add_response("start_session", STARTED, asked)
    with service.playing():
        assert ssm.start(service.client, INSTANCE_ID, port) == (SESSION_ID, TOKEN, URL)


def test_a_session_of_a_managed_node(service: StubbedService) -> None:
    service.stubber.add_response("start_session", STARTED, {**ASKED, "Target": "mi-0123456789abcdef0"})
    with service.playing():
        assert ssm.start(service.client, "mi-0123456789abcdef0", 22).id == SESSION_ID


def test_a_session_is_resumed_with_another_token(service: StubbedService) -> None:
    service.stubber.add_response("resume_session", {**STARTED, "TokenValue": "another"}, ONE)
    with service.playing():
        assert ssm.resume(service.client, SESSION_ID) == "another"


def test_a_session_is_terminated(service: StubbedService) -> None:
    service.stubber.add_response("terminate_session", ONE, ONE)
    with service.playing():
        ssm.terminate(service.client, SESSION_ID)


def test_the_request_for_the_websocket_is_signed_for_its_service(service: StubbedService) -> None:
    """Signature Version 4 has no websockets: it is the request of the scheme https that is signed."""
    asked: list[tuple[str, str]] = []

    class Noting(Signer):
        def headers(self, service: str, url: str) -> dict[str, str]:
            asked.append((service, url))
            return super().headers(service, url)

    headers = ssm.headers(Noting(Credentials("AKIA", "secret", "token"), "us-east-1"), URL)
    assert asked == [("ssmmessages", f"https://{HOST}{PATH}")]
    assert set(headers) == {"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}
    assert "/us-east-1/ssmmessages/aws4_request" in headers["Authorization"]


# -- What AWS refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", CALLS)
def test_a_missing_permission_is_named_with_its_resources(service: StubbedService, operation: str) -> None:
    refused = failure(service, operation, "AccessDeniedException")
    assert not isinstance(refused, ssm.SessionEndedError)
    assert refused.hint == CALLS[operation][1]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("TargetNotConnected", "The SSM agent there has no connection to Session Manager. Check that the agent is"),
        ("InvalidDocument", "AWS-StartSSHSession is one of AWS's documents. Check region and endpoint_url."),
        # Those of all services keep their hints.
        ("ThrottlingException", "AWS limits the rate of these calls."),
        ("ExpiredTokenException", "The session token has expired."),
    ],
)
def test_what_a_session_cannot_start_for_has_a_hint(service: StubbedService, code: str, hint: str) -> None:
    refused = failure(service, "start_session", code)
    assert refused.hint.startswith(hint)
    assert str(refused).startswith(f"{code}: It said so")


def test_an_agent_that_is_not_connected_has_all_its_causes_named(service: StubbedService) -> None:
    hint = failure(service, "start_session", "TargetNotConnected").hint
    for cause in ("2.3.672.0", "AmazonSSMManagedInstanceCore", "Default Host", "ssmmessages", "After a boot"):
        assert cause in hint


def test_a_session_that_does_not_exist_has_ended(service: StubbedService) -> None:
    ended = failure(service, "resume_session", "DoesNotExistException")
    assert isinstance(ended, ssm.SessionEndedError)
    assert "The session has ended: it was idle for too long" in str(ended)


@pytest.mark.parametrize("code", ["InternalServerError", "ThrottlingException", "ExpiredTokenException"])
def test_another_failure_to_resume_is_not_the_end(service: StubbedService, code: str) -> None:
    assert not isinstance(failure(service, "resume_session", code), ssm.SessionEndedError)


@pytest.mark.parametrize("answer", [{}, {"TokenValue": ""}, {"SessionId": SESSION_ID, "StreamUrl": URL}])
def test_a_session_for_which_there_is_no_token_has_ended(service: StubbedService, answer: dict[str, str]) -> None:
    service.stubber.add_response("resume_session", answer, ONE)
    with service.playing(), pytest.raises(ssm.SessionEndedError) as ended:
        ssm.resume(service.client, SESSION_ID)
    assert str(ended.value).startswith(f"NoToken: AWS gives no token for the session {SESSION_ID}. The session has")


@pytest.mark.parametrize("missing", STARTED)
@pytest.mark.parametrize("instead", [None, "", 7])
def test_an_answer_without_what_a_session_needs_is_a_sentence(missing: str, instead: object) -> None:
    """The SDK does not check the types in an answer."""
    answer = {**STARTED, missing: instead}
    client = plain_session().create_client("ssm", "us-east-1", aws_access_key_id="AKIA", aws_secret_access_key="secret")
    answered = SimpleNamespace(status_code=200)
    client.meta.events.register("before-call.ssm.StartSession", lambda **_event: (answered, answer))
    with pytest.raises(ServiceError, match="no SessionId, TokenValue and StreamUrl") as failed:
        ssm.start(client, INSTANCE_ID, 22)
    assert TOKEN not in str(failed.value)


# -- Which server gets the token ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        HOST,
        HOST.upper(),
        f"{HOST}:443",
        "ssmmessages-fips.us-east-1.amazonaws.com",
        "ssmmessages.us-gov-west-1.amazonaws.com",
        "ssmmessages.us-east-1.api.aws",
        "ssmmessages-fips.us-east-1.api.aws",
        "ssmmessages.cn-north-1.amazonaws.com.cn",
        "ssmmessages.cn-north-1.api.amazonwebservices.com.cn",
        "ssmmessages.eusc-de-east-1.amazonaws.eu",
        "ssmmessages.us-iso-east-1.c2s.ic.gov",
        "ssmmessages.us-isob-east-1.sc2s.sgov.gov",
        "ssmmessages.us-isof-south-1.csp.hci.ic.gov",
        "ssmmessages.eu-isoe-west-1.cloud.adc-e.uk",
        "vpce-0123456789abcdef0-abcdefgh.ssmmessages.us-east-1.vpce.amazonaws.com",
        "vpce-0123456789abcdef0-abcdefgh-us-east-1a.ssmmessages.us-east-1.vpce.amazonaws.com",
    ],
)
def test_the_servers_of_session_manager_get_the_token(service: StubbedService, host: str) -> None:
    url = f"wss://{host}{PATH}"
    service.stubber.add_response("start_session", {**STARTED, "StreamUrl": url}, ASKED)
    with service.playing():
        assert ssm.start(service.client, INSTANCE_ID, 22).url == url


REFUSED = [
    f"ws://{HOST}{PATH}",
    f"https://{HOST}{PATH}",
    f"//{HOST}{PATH}",
    HOST,
    f"wss:{HOST}",
    f"wss:///{HOST}/",
    "wss://",
    "wss:///v1/data-channel/x",
    "wss://:443/v1/data-channel/x",
    f"wss://{HOST}.evil.example/",
    f"wss://{HOST}.evil.example:443/",
    f"wss://{HOST}@evil.example/",
    f"wss://{HOST}:443@evil.example/",
    f"wss://evil.example/{HOST}",
    f"wss://evil.example?{HOST}",
    f"wss://evil.example#{HOST}",
    f"wss://evil.example/?@{HOST}",
    f"wss://evil.example\t@{HOST}.evil.example/",
    "wss://evil-ssmmessages.us-east-1.amazonaws.com/",
    "wss://ssmmessages-evil.us-east-1.amazonaws.com/",
    "wss://ssmmessages-fips-fips.us-east-1.amazonaws.com/",
    "wss://fips-ssmmessages.us-east-1.amazonaws.com/",
    "wss://ssmmessagesx.us-east-1.amazonaws.com/",
    "wss://ssmmessages.us-east-1.evilamazonaws.com/",
    "wss://ssmmessages.us-east-1.amazonaws.com.evil/",
    "wss://ssmmessages.us-east-1.amazonaws.co/",
    "wss://ssmmessages.amazonaws.evil.example/",
    "wss://evil.s3.us-east-1.amazonaws.com/ssmmessages.",
    "wss://ec2.us-east-1.amazonaws.com/",
    "wss://ssm.us-east-1.amazonaws.com/",
    "wss://ssmmessages/",
    "wss://amazonaws.com/",
    "wss://127.0.0.1/",
    "wss://[::1]/",
    "wss://[::1/",
    f"wss://[{HOST}]/",
    f"wss://[{HOST}/",
    f"wss://{HOST}:99999/",
    f"wss://{HOST}:no/",
]


@pytest.mark.parametrize("url", REFUSED)
@pytest.mark.parametrize("is_terminated", [True, False])
def test_no_other_server_gets_the_token(service: StubbedService, url: str, is_terminated: bool) -> None:
    """The session, which nobody will use, is ended, as far as that works."""
    service.stubber.add_response("start_session", {**STARTED, "StreamUrl": url}, ASKED)
    if is_terminated:
        service.stubber.add_response("terminate_session", ONE, ONE)
    else:
        service.stubber.add_client_error("terminate_session", "AccessDeniedException", expected_params=ONE)
    with service.playing(), pytest.raises(ArgumentError, match=r"none of Session Manager's, so it got no token") as no:
        ssm.start(service.client, INSTANCE_ID, 22)
    assert TOKEN not in str(no.value)


def test_the_server_that_got_no_token_is_named_and_may_not_fill_the_screen(service: StubbedService) -> None:
    for host, told in (("evil.example:8443", "'evil.example:8443'"), ("\x1b;" + "x" * 1000, "';" + "x" * 98)):
        service.stubber.add_response("start_session", {**STARTED, "StreamUrl": f"wss://{host}/"}, ASKED)
        service.stubber.add_response("terminate_session", ONE, ONE)
        with service.playing(), pytest.raises(ArgumentError) as refused:
            ssm.start(service.client, INSTANCE_ID, 22)
        assert f"names the server {told}, which" in str(refused.value)


@pytest.mark.parametrize(
    ("endpoint_url", "url", "is_taken"),
    [
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8081/x", True),
        ("http://127.0.0.1:8080", "wss://messages.example/x", True),
        ("http://127.0.0.1:8080", "https://messages.example/x", False),
        ("http://127.0.0.1:8080", "wss://[::1/", False),
        ("https://ssm.us-east-1.amazonaws.com.proxy.example", "wss://messages.example/x", True),
        # The user has set these, and they are AWS's all the same.
        ("https://ssm.eu-central-1.amazonaws.com", "wss://messages.example/x", False),
        ("https://ssm.eu-central-1.amazonaws.com", "ws://messages.example/x", False),
        ("https://vpce-1.ssm.us-east-1.vpce.amazonaws.com", "wss://messages.example/x", False),
        ("https://ssm-fips.us-east-1.amazonaws.com", "wss://messages.example/x", False),
        ("https://vpce-1.ssm.us-east-1.vpce.amazonaws.com", f"wss://{HOST}/", True),
    ],
)
def test_a_service_of_the_users_own_is_trusted(endpoint_url: str, url: str, is_taken: bool) -> None:
    client = plain_session().create_client(
        "ssm", "us-east-1", endpoint_url=endpoint_url, aws_access_key_id="AKIA", aws_secret_access_key="secret"
    )
    with Stubber(client) as stubber:
        stubber.add_response("start_session", {**STARTED, "StreamUrl": url}, ASKED)
        if is_taken:
            assert ssm.start(client, INSTANCE_ID, 22).url == url
            return
        stubber.add_response("terminate_session", ONE, ONE)
        with pytest.raises(ArgumentError, match="got no token"):
            ssm.start(client, INSTANCE_ID, 22)
        stubber.assert_no_pending_responses()


def test_the_suffixes_are_those_of_all_partitions_that_the_sdk_knows() -> None:
    """A new partition of AWS makes this test fail, and its suffixes must be added."""
    described = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text(encoding="utf-8"))
    outputs = [partition["outputs"] for partition in described["partitions"]]
    assert set(ssm._SUFFIXES) == {each[name] for each in outputs for name in ("dnsSuffix", "dualStackDnsSuffix")}
    assert len(set(ssm._SUFFIXES)) == len(ssm._SUFFIXES)
