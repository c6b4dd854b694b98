# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Session Manager: the API, the opening of a websocket, whole sessions with a real sshd, and each misbehaviour."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from ansible_collections.sshkeys.aws.tests.waiting import wait_until
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus

from sshkeys_lab import seed, ssm_frames
from sshkeys_lab.session_client import RESPONSE, Client, signed
from sshkeys_lab.ssm_settings import SessionManagerSettings

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench, KeyMaker

BANNER = b"SSH-2.0-test\r\n"
NODE = seed.MANAGED_NODES[0]
PATIENCE = 10


def start(bench: Bench, target: str | None = None, **changed: Any) -> dict[str, Any]:
    """Start a session, by default with the first instance."""
    wanted = {
        "Target": target or bench.instances[0]["instance_id"],
        "DocumentName": "AWS-StartSSHSession",
        "Parameters": {"portNumber": ["22"]},
        **changed,
    }
    answer: dict[str, Any] = bench.client("ssm").start_session(**wanted)
    return answer


def started(bench: Bench, target: str | None = None, **changed: Any) -> Client:
    """Start a session, and give its client."""
    return Client(bench.lab, bench.client("ssm"), start(bench, target, **changed))


def behave(bench: Bench, **settings: object) -> None:
    """Change settings of Session Manager."""
    answer = bench.control("PUT", "session_manager", settings)
    assert answer["status"] == 200, answer


def session(bench: Bench) -> dict[str, Any]:
    """Return what the lab says of the last session."""
    found: dict[str, Any] = bench.control("GET", "sessions")["sessions"][-1]
    return found


def run(talk: Coroutine[Any, Any, None]) -> None:
    """Run a talk, but not for ever."""
    asyncio.run(asyncio.wait_for(talk, 30))


async def close_code(client: Client) -> int:
    """Read to the end of the websocket; return its close code."""
    await client.closed()
    return client.websocket.close_code or 0


# -- The API -----------------------------------------------------------------------------------------------------------


def test_the_names_of_a_session(bench: Bench) -> None:
    answer = start(bench, Reason="a test")
    session_id = answer["SessionId"]
    assert re.fullmatch(r"lab-[0-9a-f]{17}", session_id)
    url = rf"wss://127\.0\.0\.1:\d+/v1/data-channel/{session_id}\?role=publish_subscribe&cell-number=AAE/\+a="
    assert re.fullmatch(url, answer["StreamUrl"])
    assert session(bench) == {
        "session_id": session_id,
        "target": bench.instances[0]["instance_id"],
        "port": 22,
        "reason": "a test",
        "state": "connecting",
        "ended_by": None,
        "websockets": 0,
        "violations": [],
        "bytes_up": 0,
        "bytes_down": 0,
        "resent_by_client": 0,
        "most_in_flight": 0,
    }
    bench.control("POST", "reset")
    assert bench.control("GET", "sessions")["sessions"] == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Target": "i-00000000000000000"}, "TargetNotConnected"),
        ({"Target": seed.INSTANCES[3].instance_id}, "TargetNotConnected"),
        ({"DocumentName": "AWS-StartPortForwardingSession"}, "InvalidDocument"),
        ({"Parameters": {"portNumber": ["0"]}}, "ValidationException"),
        ({"Parameters": {"portNumber": ["65536"]}}, "ValidationException"),
        ({"Parameters": {"portNumber": ["ssh"]}}, "ValidationException"),
        ({"Parameters": {"portNumber": []}}, "ValidationException"),
        ({"Parameters": {"host": ["a"]}}, "ValidationException"),
        ({"Reason": "x" * 257}, "ValidationException"),
        ({"DocumentName": "*"}, "ValidationException"),
    ],
)
def test_what_start_session_refuses(bench: Bench, changed: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        start(bench, **changed)
    assert refused.value.response["Error"]["Code"] == code
    assert bench.control("GET", "sessions")["sessions"] == []


def test_an_agent_may_be_away(bench: Bench) -> None:
    target = bench.instances[0]["instance_id"]
    ssm = bench.client("ssm")
    assert ssm.get_connection_status(Target=target)["Status"] == "connected"
    assert bench.control("PUT", f"instances/{target}", {"agent": False})["agent"] is False
    assert ssm.get_connection_status(Target=target)["Status"] == "notconnected"
    with pytest.raises(ClientError, match="TargetNotConnected"):
        start(bench)
    bench.control("PUT", f"instances/{target}", {"agent": True})
    assert start(bench)["TokenValue"]
    assert bench.client("ssm", "eu-west-1").get_connection_status(Target=target)["Status"] == "notconnected"


def test_a_session_that_has_ended(bench: Bench) -> None:
    """It cannot be resumed, and can be terminated again."""
    ssm = bench.client("ssm")
    ended = {"SessionId": start(bench)["SessionId"]}
    for _time in range(2):
        assert ssm.terminate_session(**ended)["SessionId"] == ended["SessionId"]
    assert (session(bench)["state"], session(bench)["ended_by"]) == ("terminated", "TerminateSession")
    for session_id in (ended["SessionId"], "lab-00000000000000000"):
        with pytest.raises(ClientError, match="DoesNotExistException"):
            ssm.resume_session(SessionId=session_id)


def test_a_session_times_out(bench: Bench) -> None:
    """The service says why, and ResumeSession has no token."""

    async def talk() -> None:
        client = started(bench)
        await client.begin()
        await client.send(BANNER)
        assert await client.acknowledged() == 1
        bench.control("POST", "clock", {"advance": 1100})
        assert session(bench)["state"] == "connected"
        bench.control("POST", "clock", {"advance": 101})
        assert await client.closed() == "Your session timed out due to inactivity."

    run(talk())
    assert (session(bench)["state"], session(bench)["ended_by"]) == ("timed out", "time-out")
    answer = bench.client("ssm").resume_session(SessionId=session(bench)["session_id"])
    assert "TokenValue" not in answer
    assert answer["StreamUrl"]


def test_a_client_that_never_comes(bench: Bench) -> None:
    """The agent gives up, and the session cannot be resumed."""
    session_id = start(bench)["SessionId"]
    bench.control("POST", "clock", {"advance": 16})
    wait_until(lambda: session(bench)["ended_by"] == "handshake", "The agent waits for ever.")
    with pytest.raises(ClientError, match="DoesNotExistException"):
        bench.client("ssm").resume_session(SessionId=session_id)


def test_faults_of_the_api(bench: Bench) -> None:
    bench.fault("StartSession", "throttle")
    with pytest.raises(ClientError, match="ThrottlingException"):
        start(bench)


# -- The opening of a websocket ----------------------------------------------------------------------------------------


def refusal(bench: Bench, headers: dict[str, str] | None = None, url: str | None = None) -> int:
    """Open a websocket that is refused; return the status."""
    client = started(bench)
    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(client.connect(headers, url))
    return refused.value.response.status_code


def test_the_signature_is_checked(bench: Bench) -> None:
    url = start(bench)["StreamUrl"]
    good = signed(bench.lab, url)
    wrong = Credentials(bench.lab["access_key"], "wrong")
    stranger = Credentials("AKIAAAAAAAAAAAAAAAAA", bench.lab["secret_key"])
    with_token = Credentials(bench.lab["access_key"], bench.lab["secret_key"], "a token")
    # botocore takes the query of an address as it is, which the service does not.
    unencoded = AWSRequest("GET", url.replace("wss:", "https:"))
    SigV4Auth(Credentials(bench.lab["access_key"], bench.lab["secret_key"]), "ssmmessages", "us-east-1").add_auth(
        unencoded
    )
    changed_date = good | {"X-Amz-Date": good["X-Amz-Date"][:-2] + ("1Z" if good["X-Amz-Date"][-2] != "1" else "2Z")}
    for headers in (
        {},
        signed(bench.lab, url, wrong),
        signed(bench.lab, url, stranger),
        signed(bench.lab, url, with_token),
        signed(bench.lab, url, service="ssm"),
        signed(bench.lab, url, region="eu-west-1"),
        signed(bench.lab, url.replace("+", "%2B")),
        changed_date,
        dict(unencoded.headers.items()),
        good | {"X-Amz-Date": "20200101T000000Z"},
    ):
        assert refusal(bench, headers, url) == 403
    assert "OpenDataChannel" not in str(bench.control("GET", "requests"))


def test_a_role_signs_with_its_token(bench: Bench) -> None:
    wanted = {"RoleArn": "arn:aws:iam::123456789012:role/fleet", "RoleSessionName": "test"}
    given = bench.client("sts").assume_role(**wanted)["Credentials"]
    keys = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    async def talk() -> None:
        client = started(bench)
        await client.connect(signed(bench.lab, client.started["StreamUrl"], keys))
        await client.websocket.close()

    run(talk())
    without = Credentials(given["AccessKeyId"], given["SecretAccessKey"])
    url = start(bench)["StreamUrl"]
    assert refusal(bench, signed(bench.lab, url, without), url) == 403


def test_the_address_is_used_as_it_came(bench: Bench) -> None:
    url = start(bench)["StreamUrl"]
    for changed in (url.replace("+", "%2B"), url.replace("lab-", "lab-0"), url.split("?")[0]):
        assert refusal(bench, url=changed) in (403, 404)
    ended = start(bench)
    bench.client("ssm").terminate_session(SessionId=ended["SessionId"])
    assert refusal(bench, url=ended["StreamUrl"]) == 404


def test_there_is_no_subprotocol(bench: Bench) -> None:
    url = start(bench)["StreamUrl"]
    assert refusal(bench, signed(bench.lab, url) | {"Sec-WebSocket-Protocol": "ssm"}, url) == 400


def test_the_opening_is_in_the_journal_and_can_fail(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench)
        await client.open()
        await client.websocket.close()
        bench.fault("OpenDataChannel", "error", code="AccessDeniedException", status=403, times=None)
        with pytest.raises(InvalidStatus) as refused:
            await client.open()
        assert refused.value.response.status_code == 403
        assert json.loads(refused.value.response.body or b"")["ErrorCode"] == "AccessDeniedException"

    run(talk())
    calls = [call for call in bench.control("GET", "requests")["requests"] if call["operation"] == "OpenDataChannel"]
    assert [(call["service"], call["status"], call["fault"]) for call in calls] == [
        ("ssmmessages", 101, None),
        ("ssmmessages", 403, "error"),
    ]
    assert calls[0]["parameters"] == {"SessionId": session(bench)["session_id"]}


def test_a_token_opens_once(bench: Bench) -> None:
    """A wrong one closes the websocket alone; the session lives on, and its first websocket too."""

    async def talk() -> None:
        client = started(bench)
        await client.shake_hands()
        for token in (client.started["TokenValue"], "another"):
            second = Client(bench.lab, bench.client("ssm"), client.started | {"TokenValue": token})
            second.client_id = client.client_id
            await second.open()
            assert await close_code(second) == 1008
        assert (await client.next()).payload.startswith(b"SSH-2.0-")
        await client.websocket.close()

    run(talk())
    assert session(bench)["violations"] == ["The token of an opening is wrong, or was used before."]
    assert session(bench)["websockets"] == 1


def test_a_new_websocket_replaces_the_old_one(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench)
        await client.shake_hands()
        old = client.websocket
        await client.resume()
        await client.next()
        await old.wait_closed()
        await client.send(BANNER)
        assert await client.acknowledged() == 1
        await client.websocket.close()

    run(talk())
    assert (session(bench)["violations"], session(bench)["websockets"]) == ([], 2)


# -- Whole sessions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [None, NODE])
def test_a_session_reaches_a_real_sshd(bench: Bench, target: str | None) -> None:
    async def talk() -> None:
        client = started(bench, target)
        assert (await client.begin()).startswith(b"SSH-2.0-OpenSSH")
        await client.send(BANNER)
        assert await client.acknowledged() == 1
        bench.client("ssm").terminate_session(SessionId=client.started["SessionId"])
        assert await client.closed() == ""
        assert client.websocket.close_code == 1000

    run(talk())
    found = session(bench)
    assert (found["state"], found["ended_by"], found["violations"]) == ("terminated", "TerminateSession", [])
    assert (found["bytes_up"], found["most_in_flight"], found["websockets"]) == (len(BANNER), 1, 1)
    assert found["bytes_down"] > 20


def test_the_handshake_is_that_of_an_ssh_session(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench)
        await client.open()
        request = await client.next()
        assert (request.number, request.flags, request.payload_type) == (0, ssm_frames.SYN, 5)
        assert json.loads(request.payload)["RequestedClientActions"] == [
            {
                "ActionType": "SessionType",
                "ActionParameters": {"SessionType": "Port", "Properties": {"portNumber": "22"}},
            }
        ]
        await client.send(json.dumps(RESPONSE).encode(), ssm_frames.HANDSHAKE_RESPONSE)
        assert await client.acknowledged() == 0
        complete = await client.next()
        assert (complete.number, complete.flags, complete.payload_type) == (1, 0, 7)
        assert json.loads(complete.payload)["CustomerMessage"] == ""
        await client.websocket.close()

    run(talk())


def test_a_managed_node_takes_the_keys_it_is_given(bench: Bench, new_key: KeyMaker) -> None:
    (node,) = bench.lab["managed_nodes"]
    assert node["host_key"].startswith("ssh-ed25519 ")
    key = new_key()

    def login() -> int:
        options = [*bench.lab["ssh_common_args"].split(), "-o", f"HostKeyAlias={node['host_key_alias']}"]
        place = ["-p", str(node["port"]), f"{node['os_user']}@{node['host']}"]
        command = ["ssh", *options, "-i", str(key.private), *place, "true"]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert login() == 255
    bench.control("PUT", f"managed_nodes/{NODE}", {"authorized_keys": [key.public]})
    assert login() == 0
    bench.control("POST", "reset")
    assert login() == 255


def test_a_crowd_is_behind_the_first_instance(bench: Bench) -> None:
    """Many sessions run at once."""
    crowd = bench.control("POST", "crowd", {"count": 25})["instances"]

    async def begin(target: str) -> Client:
        client = started(bench, target)
        assert (await client.begin()).startswith(b"SSH-2.0-OpenSSH")
        return client

    async def talk() -> None:
        clients = await asyncio.gather(*(begin(each["instance_id"]) for each in crowd))
        for client in clients:
            await client.websocket.close()

    run(talk())
    listed = bench.control("GET", "sessions")["sessions"]
    assert len(listed) == 25
    assert not any(each["violations"] for each in listed)


def test_the_clients_flag_ends_a_session(bench: Bench) -> None:
    """The agent acknowledges it before the service closes the channel."""

    async def talk() -> None:
        client = started(bench)
        await client.begin()
        await client.send(ssm_frames.TERMINATE_SESSION, ssm_frames.FLAG)
        assert await client.acknowledged() == 1
        assert await client.closed() == ""

    run(talk())
    assert (session(bench)["state"], session(bench)["ended_by"]) == ("terminated", "client flag")


def test_sshd_ends_a_session(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench)
        await client.begin()
        bench.control("POST", "sessions/end")
        assert await client.closed() == ""

    run(talk())
    assert (session(bench)["state"], session(bench)["ended_by"]) == ("terminated", "sshd")


def test_a_port_where_nothing_listens(bench: Bench) -> None:
    async def talk(client: Client, port: int) -> None:
        await client.shake_hands()
        why = f"Unable to connect to specified port: dial tcp 127.0.0.1:{port}: connect: connection refused"
        assert await client.closed() == why

    run(talk(started(bench, Parameters={"portNumber": ["2222"]}), 2222))
    assert session(bench)["ended_by"] == "dial"
    # An instance without an sshd.
    run(talk(started(bench, bench.instances[4]["instance_id"]), 22))
    behave(bench, dial="refused")
    run(talk(started(bench), 22))


def test_an_agent_that_crashes_is_missed_after_a_minute(bench: Bench) -> None:
    behave(bench, dial="crashes")

    async def talk() -> None:
        client = started(bench)
        await client.shake_hands()
        bench.control("POST", "clock", {"advance": 61})
        assert (await client.closed() or "").startswith("document process failed unexpectedly")

    run(talk())
    assert session(bench)["ended_by"] == "dial"


def test_the_port_of_the_sshd_itself(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench, Parameters={"portNumber": [str(bench.instances[0]["port"])]})
        assert (await client.begin()).startswith(b"SSH-2.0-OpenSSH")
        await client.websocket.close()

    run(talk())


def test_an_action_that_fails_ends_the_session(bench: Bench) -> None:
    failed = {"ActionType": "SessionType", "ActionStatus": 3, "ActionResult": None, "Error": "no"}

    async def talk() -> None:
        client = started(bench)
        await client.open()
        await client.next()
        answer = json.dumps(RESPONSE | {"ProcessedClientActions": [failed]}).encode()
        await client.send(answer, ssm_frames.HANDSHAKE_RESPONSE)
        said = await client.closed() or ""
        assert said.startswith("\n----------ERROR-------\nEncountered error while initiating handshake. SessionType")

    run(talk())
    assert session(bench)["ended_by"] == "handshake"


def test_the_agent_waits_15_seconds_for_the_response(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench)
        await client.open()
        await client.next()
        bench.control("POST", "clock", {"advance": 10})
        assert session(bench)["state"] == "connected"
        bench.control("POST", "clock", {"advance": 6})
        assert "Handshake timed out." in (await client.closed() or "")

    run(talk())
    assert session(bench)["ended_by"] == "handshake"


def test_a_session_goes_on_after_its_websocket(bench: Bench) -> None:
    """No handshake is needed, the numbers go on, and what sshd said meanwhile comes."""

    async def talk() -> None:
        client = started(bench)
        banner = await client.begin()
        assert banner.startswith(b"SSH-2.0-OpenSSH")
        assert bench.control("POST", "sessions/close", {"code": 1000, "reason": "Bye"})["closed"] == 1
        assert await client.closed() is None
        assert (client.websocket.close_code, client.websocket.close_reason) == (1000, "Bye")
        assert session(bench)["state"] == "disconnected"
        await client.resume()
        await client.send(BANNER)
        assert (await client.next()).number == 3
        assert bench.control("POST", "sessions/close", {"code": None})["closed"] == 1
        assert await close_code(client) == 1006

    run(talk())
    assert (session(bench)["websockets"], session(bench)["violations"]) == (2, [])


# -- What a client does wrong ------------------------------------------------------------------------------------------


def test_a_breach_ends_the_session(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench)
        await client.begin()
        await client.websocket.send(client.message(b"x", number=7))
        assert await client.closed() is None
        assert client.websocket.close_code == 1008

    run(talk())
    found = session(bench)
    assert found["violations"] == ["The message 7 came, but not yet the message 1."]
    assert (found["state"], found["ended_by"]) == ("terminated", "violation")


def test_text_after_the_opening(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench)
        await client.shake_hands()
        await client.websocket.send("text")
        assert await close_code(client) == 1008

    run(talk())
    assert session(bench)["violations"] == ["The client sent text after the opening."]


def test_a_broken_opening_ends_the_session(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench)
        await client.open(RequestId="1")
        assert await close_code(client) == 1008

    run(talk())
    assert session(bench)["violations"] == ["RequestId of the opening is not a UUID with hyphens."]


def test_data_is_refused_until_the_agent_has_dialled(bench: Bench) -> None:
    """It is a breach that the agent gets over, as long as the client sends it again."""
    behave(bench, dial_delay=1)

    async def talk() -> None:
        client = started(bench)
        await client.shake_hands()
        early = await client.send(BANNER)
        while (frame := ssm_frames.decode(await client.receive())).payload_type != ssm_frames.DATA:
            assert b'"AcknowledgedMessageSequenceNumber":1,' not in frame.payload
        await client.websocket.send(early)
        assert await client.acknowledged() == 1
        await client.websocket.close()

    run(talk())
    found = session(bench)
    assert found["violations"] == ["The client sent data before sshd has spoken; the agent may refuse it."]
    assert found["resent_by_client"] == 1


# -- What the service and the agent do wrong ---------------------------------------------------------------------------


def test_the_settings_and_their_reset(bench: Bench) -> None:
    good = vars(SessionManagerSettings())
    assert bench.control("GET", "session_manager") == {"status": 200, **good}
    behave(bench, pace=False, lost=0.5, close_after_bytes_up=5, handshake="never")
    assert bench.control("GET", "session_manager")["close_after_bytes_up"] == 5
    bench.control("POST", "reset")
    assert bench.control("GET", "session_manager") == {"status": 200, **good}


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"pace": 1},
        {"lost": 1.5},
        {"lost": True},
        {"round_trip": -1},
        {"random_seed": 1.5},
        {"dial": "maybe"},
        {"handshake": []},
        {"close_after_bytes_up": -1},
        {"silent_after_bytes_down": "1"},
    ],
)
def test_a_wrong_setting_changes_nothing(bench: Bench, wrong: dict[str, object]) -> None:
    answer = bench.control("PUT", "session_manager", {"idle_seconds": 5, **wrong})
    assert (answer["status"], answer["error"][-1]) == (400, ".")
    assert bench.control("GET", "session_manager")["idle_seconds"] == 1200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("managed_nodes/mi-00000000000000000", {"authorized_keys": []}),
        (f"managed_nodes/{NODE}", {"authorized_keys": [1]}),
        (f"managed_nodes/{NODE}", {}),
    ],
)
def test_a_wrong_managed_node_is_refused(bench: Bench, path: str, body: object) -> None:
    assert bench.control("PUT", path, body)["status"] == 400


def test_the_handshake_comes_twice(bench: Bench) -> None:
    behave(bench, handshake="twice")

    async def talk() -> None:
        client = started(bench)
        await client.open()
        assert await client.receive() == await client.receive()
        await client.websocket.close()

    run(talk())


def test_the_handshake_never_comes(bench: Bench) -> None:
    behave(bench, handshake="never")

    async def talk() -> None:
        client = started(bench)
        await client.open()
        bench.control("POST", "clock", {"advance": 20})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.websocket.recv(), 0.4)
        await client.websocket.close()

    run(talk())
    wait_until(lambda: session(bench)["state"] == "disconnected", "The session still has its websocket.")


def test_the_oldest_message_comes_again(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench)
        await client.open()
        assert await client.receive() == await client.receive() == await client.receive()
        await client.websocket.close()

    run(talk())


def test_publication(bench: Bench) -> None:
    behave(bench, publication=True)

    async def talk() -> None:
        client = started(bench)
        await client.open()
        assert (await client.receive())[4:21] == b"start_publication"
        await client.websocket.close()

    run(talk())


@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_websocket_closes_in_mid_stream(bench: Bench, direction: str) -> None:
    """It does so once: the session can be resumed, and goes on."""
    behave(bench, **{f"close_after_bytes_{direction}": 5})

    async def talk() -> None:
        client = started(bench)
        await client.shake_hands()
        if direction == "up":
            await client.next()
            first = await client.send(BANNER)
        assert await client.closed() is None
        assert (client.websocket.close_code, client.websocket.close_reason) == (1000, "Bye")
        await client.resume()
        if direction == "down":
            await client.next()
            first = await client.send(BANNER)
        else:
            await client.websocket.send(first)
        assert await client.acknowledged() == 1
        await client.websocket.close()

    run(talk())
    assert (session(bench)["websockets"], session(bench)["violations"]) == (2, [])


@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_service_goes_silent(bench: Bench, direction: str) -> None:
    """It answers pings, also on the next websocket."""
    behave(bench, **{f"silent_after_bytes_{direction}": 5})

    async def hears_nothing(client: Client) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.closed(), 0.4)
        await asyncio.wait_for(await client.websocket.ping(), PATIENCE)

    async def talk() -> None:
        client = started(bench)
        await client.begin()
        if direction == "up":
            await client.send(BANNER)
        await hears_nothing(client)
        await client.websocket.close()
        await client.resume()
        await hears_nothing(client)
        await client.websocket.close()

    run(talk())
    wait_until(lambda: session(bench)["state"] == "disconnected", "The session still has its websocket.")


def test_a_resumed_session_has_timed_out(bench: Bench) -> None:
    behave(bench, token_on_resume=False)
    answer = bench.client("ssm").resume_session(SessionId=start(bench)["SessionId"])
    assert "TokenValue" not in answer
    assert session(bench)["state"] == "timed out"


def test_a_bad_network(bench: Bench) -> None:
    """What gets lost comes again, from the agent by itself."""
    behave(bench, round_trip=0.02, lost=0.3, doubled=0.2, late=0.1, reordered=0.2, random_seed=7)

    async def persist(client: Client, message: bytes) -> None:
        """Send a message until it is acknowledged, and acknowledge what comes."""
        number = ssm_frames.decode(message).number
        while True:
            await client.websocket.send(message)
            try:
                async with asyncio.timeout(0.2):
                    while await client.acknowledged() != number:
                        pass
            except TimeoutError:
                continue
            return

    async def talk() -> None:
        client = started(bench)
        await client.open()
        await client.next()
        answer = client.message(json.dumps(RESPONSE).encode(), ssm_frames.HANDSHAKE_RESPONSE)
        await persist(client, answer)
        while session(bench)["bytes_down"] == 0:
            await client.next()
        await persist(client, client.message(BANNER))
        await client.websocket.close()

    run(talk())
    found = session(bench)
    assert (found["violations"], found["bytes_up"]) == ([], len(BANNER))


def test_a_client_keeps_its_id(bench: Bench) -> None:
    """All websockets of a session must have the same."""

    async def talk() -> None:
        client = started(bench)
        await client.shake_hands()
        client.client_id = str(uuid4())
        await client.resume()
        assert await close_code(client) == 1008

    run(talk())
    assert session(bench)["violations"] == ["ClientId of the opening is not that of the session's first websocket."]
