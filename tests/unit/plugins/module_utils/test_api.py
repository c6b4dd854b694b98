# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge to AWS, over real HTTP: a server on loopback that answers from a script, and the client that modules get."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Union

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils import _client
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import instance_connect, transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, SetUpError
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import Target
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own

KEY = parse_public_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop")
TARGET = Target("i-0123456789abcdef0", "ec2-user")
SERVER_ID = "s-01234567890abcdef"
PUSHED = (200, {"RequestId": "request-1", "Success": True})
IMPORTED = (200, {"ServerId": SERVER_ID, "UserName": "partner", "SshPublicKeyId": "key-01234567890abcdef"})

# An answer is (HTTP status, body); a body is JSON, or raw text. DROP closes the connection without one.
Answer = Union["tuple[int, dict[str, Any]]", "tuple[int, str]", str]
DROP = "drop"
THROTTLED = (400, {"__type": "ThrottlingException", "Message": "Rate exceeded"})


def error(code: str, status: int = 400, **members: str) -> Answer:
    """Return an error as the JSON 1.1 protocol of AWS writes it."""
    return status, {"__type": code, "Message": f"{code} it is", **members}


class Service:
    """A service that gives the answers of a script, or of one for the instance, the last one again and again."""

    def __init__(self) -> None:
        """Listen on a free port of loopback."""
        self.scheme = "http"
        self.script: list[Answer] = []
        self.script_of_instance: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, Any], float]] = []
        # A bucket of tokens that throttles what is too much. None: all is taken.
        self.calls_a_second: float | None = None
        self.taken: list[str] = []
        self._tokens, self._filled_at, self._lock = 0.0, 0.0, threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(content) if content.startswith(b"{") else {}
                operation = self.headers.get("X-Amz-Target", ".AssumeRole").split(".")[1]
                service.requests.append((operation, body, time.time()))
                script = service.script_of_instance.get(body.get("InstanceId", ""), service.script)
                answer = script.pop(0) if len(script) > 1 else script[0]
                if isinstance(answer, str):
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, told = answer if service.takes(body.get("InstanceId", "")) else THROTTLED
                data = (told if isinstance(told, str) else json.dumps(told)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments: object) -> None:
                """Stay silent: the requests are kept."""

        class Server(ThreadingHTTPServer):
            # A fleet connects at once.
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def operations(self) -> list[str]:
        """The operations that were called, in order."""
        return [operation for operation, _body, _time in self.requests]

    def takes(self, instance_id: str) -> bool:
        """Return whether the bucket has a token for the call, and note the call if so."""
        with self._lock:
            if self.calls_a_second is not None:
                now = time.monotonic()
                self._tokens = min(self.calls_a_second, self._tokens + (now - self._filled_at) * self.calls_a_second)
                self._filled_at = now
                if self._tokens < 1:
                    return False
                self._tokens -= 1
            self.taken.append(instance_id)
            return True

    def speak_tls(self, certificate: Path) -> None:
        """Answer over TLS from now on, with a certificate and its key from a file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake is left to the thread of the connection, or a client that breaks it off would stop the server.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "https"

    def params(self, **options: Any) -> dict[str, Any]:
        """Return the options of a task that goes to this service."""
        return {
            "endpoint_url": f"{self.scheme}://127.0.0.1:{self.server.server_port}",
            "region": "us-east-1",
            "access_key": "AKIAIOSFODNN7EXAMPLE",
            "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "validate_certs": True,
            "concurrency": 4,
            **options,
        }


@pytest.fixture
def service() -> Iterator[Service]:
    """Return a service that listens, and close it after the test."""
    service = Service()
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let botocore wait in no time, and return for how long it would have waited."""
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    return waited


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Keep the AWS configuration of whoever runs the tests out of them."""
    for name in (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def push(service: Service, script: Sequence[Answer], **options: Any) -> Any:
    """Push KEY to TARGET while the service follows a script."""
    service.script = list(script)
    return instance_connect.push(_client.connect(service.params(**options), _client.INSTANCE_CONNECT), TARGET, KEY)


def import_key(service: Service, script: Sequence[Answer], **options: Any) -> str:
    """Import KEY for "partner" while the service follows a script."""
    service.script = list(script)
    client = _client.connect(service.params(**options), _client.TRANSFER)
    return transfer.import_key(client, SERVER_ID, "partner", KEY.line_with_comment)


def test_connecting_sends_nothing(service: Service) -> None:
    """Everything that a client needs is checked without a request."""
    for name in (_client.INSTANCE_CONNECT, _client.TRANSFER):
        _client.connect(service.params(), name)
    assert service.requests == []


def test_push_sends_what_the_api_page_names(service: Service) -> None:
    """SendSSHPublicKey gets the key without its comment, and no Availability Zone unless there is one."""
    before = time.time()
    lease = push(service, [PUSHED])
    ((operation, body, received),) = service.requests
    assert operation == "SendSSHPublicKey"
    assert body == {"InstanceId": TARGET.instance_id, "InstanceOSUser": "ec2-user", "SSHPublicKey": KEY.line}
    assert lease.request_id == "request-1"
    assert before <= lease.pushed_at <= received


def test_push_with_availability_zone(service: Service) -> None:
    """A zone that is given is sent."""
    service.script = [PUSHED]
    client = _client.connect(service.params(), _client.INSTANCE_CONNECT)
    instance_connect.push(client, Target(TARGET.instance_id, "ec2-user", "us-east-1a"), KEY)
    assert service.requests[0][1]["AvailabilityZone"] == "us-east-1a"


def test_push_to_the_serial_console(service: Service) -> None:
    """A target with a serial port goes to SendSerialConsoleSSHPublicKey."""
    service.script = [PUSHED]
    client = _client.connect(service.params(), _client.INSTANCE_CONNECT)
    instance_connect.push(client, Target(TARGET.instance_id, serial_port=0), KEY)
    assert service.requests[0][:2] == (
        "SendSerialConsoleSSHPublicKey",
        {"InstanceId": TARGET.instance_id, "SerialPort": 0, "SSHPublicKey": KEY.line},
    )


@pytest.mark.parametrize(
    "passing",
    [
        error("ThrottlingException"),
        error("ServiceException", 500),
        error("ServiceException", 503),
        error("EC2InstanceUnavailableException"),
        DROP,
    ],
)
def test_a_passing_fault_is_outlasted(service: Service, delays: list[float], passing: Answer) -> None:
    """What passes after a few attempts is no failure, and each attempt waits longer than no time."""
    assert push(service, [*[passing] * 5, PUSHED]).request_id == "request-1"
    assert len(service.requests) == 6
    assert len(delays) == 5
    assert all(delay > 0 for delay in delays)


@pytest.mark.parametrize("code", ["ThrottlingException", "EC2InstanceUnavailableException"])
def test_a_lasting_fault_ends_within_bounds(service: Service, delays: list[float], code: str) -> None:
    """After eight attempts and at most 100 seconds the error says so."""
    with pytest.raises(ServiceError, match="tried 8 times") as failure:
        push(service, [error(code)])
    assert failure.value.code == code
    assert not failure.value.in_doubt
    assert len(service.requests) == 8
    assert sum(delays) <= 100


@pytest.mark.parametrize(
    "passing", [error("ThrottlingException"), error("ServiceException", 500), error("EC2InstanceUnavailableException")]
)
def test_a_fleet_outlasts_a_passing_fault(service: Service, delays: list[float], passing: Answer) -> None:
    """Each of a hundred targets may be tried again as often as a single one: none pays for the others."""
    client = _client.connect(service.params(concurrency=16), _client.INSTANCE_CONNECT)
    targets = [Target(f"i-{number:017x}", "ec2-user") for number in range(100)]
    service.script_of_instance = {target.instance_id: [passing, passing, passing, PUSHED] for target in targets}

    def push_to(target: Target) -> str | None:
        try:
            instance_connect.push(client, target, KEY)
        except ServiceError as error:
            return str(error)
        return None

    assert fan_out(push_to, targets, 16) == [None] * 100
    assert len(service.requests) == 400


def test_the_delays_grow(service: Service, delays: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the jitter each wait for an unavailable instance is twice the one before, up to a limit."""
    monkeypatch.setattr("random.random", lambda: 1.0)
    with pytest.raises(ServiceError):
        push(service, [error("EC2InstanceUnavailableException")])
    assert delays == [1, 2, 4, 8, 16, 20, 20]


def test_transfer_says_how_long_to_wait(service: Service, delays: list[float]) -> None:
    """RetryAfterSeconds of a ThrottlingException is honoured, with a little jitter on top."""
    assert (
        import_key(service, [error("ThrottlingException", RetryAfterSeconds="3"), IMPORTED])
        == IMPORTED[1]["SshPublicKeyId"]
    )
    assert len(delays) == 1
    assert 3 <= delays[0] <= 4


@pytest.mark.parametrize("asked", ["86400", "soon", "-1"])
def test_an_unreasonable_wait_is_bounded(service: Service, delays: list[float], asked: str) -> None:
    """A service that asks for a day, or for nonsense, does not hang the task."""
    import_key(service, [error("ThrottlingException", RetryAfterSeconds=asked), IMPORTED])
    assert 0 < delays[0] <= 21


def test_a_throttled_fleet_loses_none(service: Service) -> None:
    """A service that takes 100 calls a second gets 300 from 16 threads: all arrive, in little more than its time."""
    client = _client.connect(service.params(concurrency=16), _client.INSTANCE_CONNECT)
    targets = [Target(f"i-{number:017x}", "ec2-user") for number in range(300)]
    service.script = [PUSHED]
    service.calls_a_second = 100

    began = time.monotonic()
    leases = fan_out(lambda target: instance_connect.push(client, target, KEY), targets, 16)
    took = time.monotonic() - began

    assert len(leases) == 300
    assert sorted(service.taken) == sorted(target.instance_id for target in targets)
    # The bucket is full at first, so the floor is two seconds. The first second hammers, and is most of the refusals.
    assert took <= 2 * 2.0
    assert len(service.requests) <= 3 * 300


@pytest.mark.parametrize("retries", [{"mode": "adaptive"}, {"total_max_attempts": 1, "mode": "standard"}])
def test_aws_config_has_the_last_word_about_a_fleet(service: Service, retries: dict[str, Any]) -> None:
    """Whoever says how often to try does not get more tries, however much the service takes meanwhile."""
    client = _client.connect(service.params(aws_config={"retries": retries}), _client.INSTANCE_CONNECT)
    service.script_of_instance = {TARGET.instance_id: [error("ThrottlingException")]}
    service.script = [PUSHED]
    instance_connect.push(client, Target("i-00000000000000001", "ec2-user"), KEY)
    with pytest.raises(ServiceError):
        instance_connect.push(client, TARGET, KEY)
    assert len(service.requests) <= 1 + 5


@pytest.mark.parametrize("retries", [{"total_max_attempts": 2, "mode": "standard"}, {"max_attempts": 1}])
@pytest.mark.parametrize("code", ["ThrottlingException", "EC2InstanceUnavailableException"])
def test_aws_config_has_the_last_word(
    service: Service, delays: list[float], retries: dict[str, Any], code: str
) -> None:
    """The user's retries replace ours, for what botocore retries and for what we added."""
    with pytest.raises(ServiceError):
        push(service, [error(code)], aws_config={"retries": retries})
    assert len(service.requests) == 2
    assert len(delays) == 1


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
def test_doubt_is_told(service: Service, delays: list[float], script: list[Answer], in_doubt: bool) -> None:
    """An error tells whether any attempt may have been carried out without an answer that says so."""
    with pytest.raises(ServiceError) as failure:
        import_key(service, script)
    assert failure.value.in_doubt is in_doubt
    assert ("not known whether" in str(failure.value)) is in_doubt


def test_doubt_does_not_outlive_its_call(service: Service, delays: list[float]) -> None:
    """A lost answer of one call says nothing of the next call in the same thread."""
    service.script = [DROP, IMPORTED, error("ResourceExistsException")]
    client = _client.connect(service.params(), _client.TRANSFER)
    transfer.import_key(client, SERVER_ID, "partner", KEY.line)
    with pytest.raises(ServiceError) as failure:
        transfer.import_key(client, SERVER_ID, "partner", KEY.line)
    assert not failure.value.in_doubt


def test_nobody_listens(service: Service, delays: list[float]) -> None:
    """An endpoint that refuses connections is named with what to check; nothing was sent, so there is no doubt."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ServiceError, match="Check endpoint_url and region") as failure:
            push(service, [PUSHED], endpoint_url=endpoint)
    assert failure.value.code == "EndpointConnectionError"
    assert endpoint in failure.value.message
    assert not failure.value.in_doubt


def test_the_push_time_is_that_of_the_attempt_that_arrived(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The 60 seconds run from before the last attempt, not from before the first."""
    waited_until: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: waited_until.append(time.time()))
    lease = push(service, [error("ThrottlingException"), PUSHED])
    assert waited_until[0] <= lease.pushed_at <= service.requests[1][2]


def test_a_push_without_success_is_no_push(service: Service) -> None:
    """The API page says that Success is true when the request succeeds."""
    with pytest.raises(ServiceError, match="Success"):
        push(service, [(200, {"RequestId": "request-1", "Success": False})])


def test_messages_are_safe_for_a_terminal(service: Service) -> None:
    """Escape sequences in a service's message do not reach the screen."""
    with pytest.raises(ServiceError) as failure:
        push(service, [(400, {"__type": "InvalidArgsException", "Message": "\x1b[31mred\x07\n\u202egnp"})])
    assert str(failure.value).isprintable()
    assert "red" in str(failure.value)


def test_every_page_of_users_is_followed(service: Service) -> None:
    """ListUsers is called until there is no NextToken."""
    pages = [["anna", "bert"], ["carl"], []]
    service.script = [
        (200, {"ServerId": SERVER_ID, "Users": [{"Arn": "arn", "UserName": name} for name in names], **token})
        for names, token in zip(pages, [{"NextToken": "2"}, {"NextToken": "3"}, {}], strict=True)
    ]
    client = _client.connect(service.params(), _client.TRANSFER)
    assert transfer.user_names(client, SERVER_ID) == ["anna", "bert", "carl"]
    assert [body.get("NextToken") for _operation, body, _time in service.requests] == [None, "2", "3"]


def test_held_keys_are_read(service: Service) -> None:
    """DescribeUser gives each key with id, body and date; what is no key is kept too."""
    held = [
        {"SshPublicKeyId": "key-00000000000000001", "SshPublicKeyBody": KEY.line_with_comment, "DateImported": 1.5e9},
        {"SshPublicKeyId": "key-00000000000000002", "SshPublicKeyBody": "garbage", "DateImported": 1.6e9},
    ]
    service.script = [(200, {"ServerId": SERVER_ID, "User": {"Arn": "arn", "SshPublicKeys": held}})]
    client = _client.connect(service.params(), _client.TRANSFER)
    first, second = transfer.held_keys(client, SERVER_ID, "partner") or ()
    assert (first.id, first.key) == ("key-00000000000000001", KEY)
    assert first.result()["date_imported"] == "2017-07-14T02:40:00Z"
    assert (second.key, second.body) == (None, "garbage")


@pytest.mark.parametrize(
    ("members", "is_missing"),
    [
        ({"ResourceType": "User", "Resource": "partner", "Message": "Unknown user"}, True),
        ({"ResourceType": "Server", "Resource": SERVER_ID, "Message": "Unknown server"}, False),
    ],
)
def test_a_missing_user_is_no_missing_server(service: Service, members: dict[str, str], is_missing: bool) -> None:
    """A user that does not exist is None; a server that does not exist is an error."""
    service.script = [error("ResourceNotFoundException", 400, **members)]
    client = _client.connect(service.params(), _client.TRANSFER)
    if is_missing:
        assert transfer.held_keys(client, SERVER_ID, "partner") is None
    else:
        with pytest.raises(ServiceError, match="Unknown server"):
            transfer.held_keys(client, SERVER_ID, "partner")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"region": None}, "No region is configured"),
        ({"access_key": None, "secret_key": None}, "Unable to locate credentials"),
        ({"secret_key": None}, "Set both access_key and secret_key"),
        ({"access_key": None, "secret_key": None, "profile": "nobody"}, r"profile \(nobody\) could not be found"),
        ({"profile": "nobody"}, "both a profile and access tokens"),
        ({"endpoint_url": "somewhere"}, "Invalid endpoint: somewhere.*Check endpoint_url"),
        ({"aws_config": {"no_such_option": 1}}, "no_such_option.*Check aws_config"),
        ({"region": "not a region"}, "region"),
    ],
)
def test_what_a_client_lacks_is_a_sentence(service: Service, options: dict[str, Any], sentence: str) -> None:
    """Every fault of the configuration is told before anything is sent."""
    with pytest.raises(SetUpError, match=sentence):
        _client.connect(service.params(**options), _client.INSTANCE_CONNECT)
    assert service.requests == []


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        ("credential_process = /nonexistent/program", "No connection to AWS can be set up: .*nonexistent"),
        (
            "role_arn = arn:aws:iam::123456789012:role/r\nweb_identity_token_file = /nonexistent/token",
            "/nonexistent/token",
        ),
        ("role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = source", "AccessDenied"),
    ],
)
def test_credentials_that_cannot_be_had_are_a_sentence(
    service: Service, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, profile: str, sentence: str
) -> None:
    """Whatever breaks on the way to credentials is told before anything is sent."""
    (tmp_path / "config").write_text(f"[profile fleet]\nregion = us-east-1\n{profile}\n")
    (tmp_path / "credentials").write_text("[source]\naws_access_key_id = AKIA\naws_secret_access_key = secret\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.params()["endpoint_url"])
    service.script = [
        (403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>No</Message></Error></ErrorResponse>")
    ]
    with pytest.raises(SetUpError, match=sentence):
        _client.connect(service.params(access_key=None, secret_key=None, profile="fleet"), _client.TRANSFER)


def test_credentials_with_a_line_break(service: Service) -> None:
    """Read from a file they end in one; inside of them it cannot be sent, and must not be shown."""
    given = {"session_token": "token\n", "access_key": "AKIAIOSFODNN7EXAMPLE\n", "region": "us-east-1\n"}
    assert push(service, [PUSHED], **given).request_id == "request-1"
    with pytest.raises(ServiceError, match="line breaks") as failure:
        push(service, [PUSHED], session_token="IQoJ\nb3Jp")
    assert "IQoJ" not in str(failure.value)
    assert not failure.value.in_doubt


@pytest.mark.parametrize("answer", ["[]", "null", '"x"', "{", '{"User": []}', '{"User": {"SshPublicKeys": [{}]}}'])
def test_a_malformed_answer_is_an_error_of_its_call(service: Service, delays: list[float], answer: str) -> None:
    """The SDK trusts the types of an answer; what breaks there must not end the whole run."""
    service.script = [(200, answer)]
    client = _client.connect(service.params(), _client.TRANSFER)
    with pytest.raises(ServiceError) as failure:
        transfer.held_keys(client, SERVER_ID, "partner")
    assert failure.value.code == "UnexpectedAnswer"
    assert not failure.value.in_doubt
    service.script = [(200, '{"Users": [{}]}')]
    with pytest.raises(ServiceError, match="UserName"):
        transfer.user_names(client, SERVER_ID)


def test_tls(service: Service, delays: list[float], tmp_path: Path) -> None:
    """A certificate is checked, against aws_ca_bundle where there is one, unless validate_certs says no."""
    service.speak_tls(certificate_of_its_own(tmp_path))
    with pytest.raises(ServiceError, match="Check aws_ca_bundle") as failure:
        push(service, [PUSHED])
    assert (failure.value.code, failure.value.in_doubt) == ("SSLError", False)
    assert push(service, [PUSHED], aws_ca_bundle=str(tmp_path / "certificate.pem")).request_id == "request-1"
    assert push(service, [PUSHED], validate_certs=False).request_id == "request-1"


def test_the_ca_bundle_is_read_once(service: Service, delays: list[float], tmp_path: Path) -> None:
    """However many connections there are: each push makes one here, and reading is most of what a connection costs."""
    service.speak_tls(certificate_of_its_own(tmp_path))
    bundle = tmp_path / "certificate.pem"
    service.script = [PUSHED]
    client = _client.connect(service.params(aws_ca_bundle=str(bundle)), _client.INSTANCE_CONNECT)
    instance_connect.push(client, TARGET, KEY)
    bundle.unlink()
    assert instance_connect.push(client, TARGET, KEY).request_id == "request-1"


def test_clients_can_share_what_was_read_for_them(service: Service, tmp_path: Path) -> None:
    """Descriptions that were read before are those of a client, and nothing of that stays behind."""
    prepared = _client.prepare()
    assert prepared
    descriptions = prepared.descriptions
    searched = list(descriptions.search_paths)
    with _client.using(prepared):
        shared = _client.connect(service.params(), _client.TRANSFER)
    alone = _client.connect(service.params(), _client.TRANSFER)

    described = descriptions.load_service_model(_client.TRANSFER, "service-2")["metadata"]
    assert shared.meta.service_model.metadata is described
    assert alone.meta.service_model.metadata is not described
    assert alone.meta.service_model.metadata == described
    assert list(descriptions.search_paths) == searched


@pytest.fixture
def prepared_bundle(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the service speak TLS, and the environment name the bundle to trust."""
    service.speak_tls(certificate_of_its_own(tmp_path))
    bundle = tmp_path / "certificate.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    return bundle


def test_clients_can_share_the_ca_bundle(
    service: Service, delays: list[float], prepared_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle that was read before is read by no client, and the options of a task decide whether it is used."""
    prepared = _client.prepare()
    assert prepared
    assert prepared.bundle
    used = []
    monkeypatch.setattr(prepared.bundle.context, "load_verify_locations", lambda *given: used.append(given))
    with _client.using(prepared):
        assert push(service, [PUSHED], aws_ca_bundle=str(prepared_bundle)).request_id == "request-1"
        assert len(used) == 1
        assert push(service, [PUSHED], validate_certs=False).request_id == "request-1"
        with pytest.raises(ServiceError, match="Check aws_ca_bundle"):
            push(service, [PUSHED])
    assert push(service, [PUSHED], aws_ca_bundle=str(prepared_bundle)).request_id == "request-1"
    assert len(used) == 1


def test_a_ca_bundle_that_has_changed_is_read_again(
    service: Service, delays: list[float], prepared_bundle: Path
) -> None:
    """What is trusted is what is in the file when a task runs."""
    prepared = _client.prepare()
    prepared_bundle.write_text("")
    with _client.using(prepared), pytest.raises(ServiceError):
        push(service, [PUSHED], aws_ca_bundle=str(prepared_bundle))
    prepared_bundle.unlink()
    with _client.using(prepared), pytest.raises((ServiceError, SetUpError)):
        push(service, [PUSHED], aws_ca_bundle=str(prepared_bundle))


def test_region_and_credentials_of_a_profile(service: Service, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile of the AWS configuration files gives what the task leaves out."""
    (tmp_path / "config").write_text("[profile fleet]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text("[fleet]\naws_access_key_id = AKIAFLEET\naws_secret_access_key = secret\n")
    options = service.params(region=None, access_key=None, secret_key=None, profile="fleet")
    assert _client.scope(options).region == "eu-central-1"
    assert _client.connect(options, _client.TRANSFER).meta.region_name == "eu-central-1"


def test_the_scope_knows_the_endpoints_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own variables name another endpoint, and the most specific one wins."""
    assert _client.scope({"region": "us-east-1"}) == ("", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://any.example")
    assert _client.scope({"region": "us-east-1"}).endpoint == "http://any.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT", "http://one.example")
    assert _client.scope({"region": "us-east-1"}).endpoint == "http://one.example"
    assert (
        _client.scope({"region": "us-east-1", "endpoint_url": "http://task.example"}).endpoint == "http://task.example"
    )


@pytest.mark.parametrize(
    ("options", "environment", "region"),
    [
        ({"region": "us-east-1"}, {}, ("us-east-1", "the option region")),
        ({"region": " us-east-1\n"}, {}, ("us-east-1", "the option region")),
        ({"region": "us-east-1"}, {"AWS_REGION": "eu-west-1"}, ("us-east-1", "the option region")),
        # amazon.aws puts what is in the environment into the option.
        (
            {"region": "us-east-1"},
            {"AWS_REGION": "us-east-1"},
            ("us-east-1", "the option region or AWS_REGION in the environment"),
        ),
        (
            {"region": "us-east-1"},
            {"AWS_DEFAULT_REGION": "us-east-1"},
            ("us-east-1", "the option region or AWS_DEFAULT_REGION in the environment"),
        ),
        ({"profile": "fleet"}, {}, ("eu-central-1", "the profile fleet")),
        ({}, {}, ("ap-south-1", "the AWS configuration")),
        ({"profile": "bare", "aws_config": {"region_name": "sa-east-1"}}, {}, ("sa-east-1", "the option aws_config")),
    ],
)
def test_a_region_and_what_named_it(
    options: dict[str, Any],
    environment: dict[str, str],
    region: tuple[str, str],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one who called the wrong region learns where to set the right one."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config = tmp_path / "of_regions"
    config.write_text(
        "[default]\nregion = ap-south-1\n[profile fleet]\nregion = eu-central-1\n[profile bare]\noutput = json\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert _client.region_of(options) == _client.known_region(options) == region


def test_no_region_is_known(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence about a failure does without."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert _client.known_region({}) is None


def test_the_scope_of_another_profile_is_another() -> None:
    """The configuration of a profile may name an endpoint of its own."""
    scopes = {_client.scope({"region": "us-east-1", "profile": profile}) for profile in (None, "one", "two")}
    assert len(scopes) == 3


def test_the_client_is_ours_and_sized(service: Service) -> None:
    """The user agent names the collection, and the pool holds a connection for each concurrent call."""
    config = _client.connect(service.params(concurrency=33), _client.TRANSFER).meta.config
    assert f"sshkeys.aws/{_client.COLLECTION_VERSION}" in config.user_agent
    assert config.max_pool_connections == 33
