# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service for measuring: it answers as EC2 Instance Connect, Transfer Family and EC2 do, after a time that is set.

It does as little as can be, so that what is measured is the client. Nothing is checked; the lab does that. Nothing is
kept but the users that a client creates.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
from dataclasses import asdict, dataclass
from http import HTTPStatus
from uuid import uuid4

import fleet_answers


@dataclass
class Settings:
    """What the service is like: seconds until an answer, and the calls that it takes in a second, 0 for all.

    key_body: the key that every user of Transfer Family has; if it is empty, there are no users but the created ones.
    """

    latency: float
    calls_a_second: float
    key_body: str


@dataclass
class Counts:
    """What the service has seen since this was asked for."""

    connections: int = 0
    taken: int = 0
    throttled: int = 0


class Service:
    """The answers."""

    def __init__(self, settings: Settings) -> None:
        """Begin with a full bucket of tokens."""
        self.settings = settings
        self.counts = Counts()
        self._tokens = settings.calls_a_second
        self._filled_at = 0.0
        self._created: dict[tuple[str, str], dict[str, object]] = {}

    def answer(self, operation: str, body: bytes, now: float) -> tuple[HTTPStatus, dict[str, object] | str]:
        """Answer a call: JSON, or the XML of EC2. now: seconds on a steady clock."""
        if not self._takes(now):
            self.counts.throttled += 1
            return HTTPStatus.BAD_REQUEST, {"__type": "ThrottlingException", "Message": "Rate exceeded"}
        self.counts.taken += 1
        if operation.endswith("DescribeUser"):
            return self._describe(json.loads(body))
        if operation.endswith("CreateUser"):
            return HTTPStatus.OK, self._create(json.loads(body))
        if operation.endswith("DescribeInstanceInformation"):
            return HTTPStatus.OK, fleet_answers.agents(body)
        if not operation:
            return HTTPStatus.OK, fleet_answers.xml_of_ec2(body.decode())
        return HTTPStatus.OK, {"RequestId": str(uuid4()), "Success": True}

    def _takes(self, now: float) -> bool:
        rate = self.settings.calls_a_second
        if not rate:
            return True
        self._tokens = min(rate, self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _describe(self, asked: dict[str, str]) -> tuple[HTTPStatus, dict[str, object]]:
        server_id, user_name = asked["ServerId"], asked["UserName"]
        user = self._created.get((server_id, user_name))
        if user is None and not self.settings.key_body:
            return HTTPStatus.BAD_REQUEST, {
                "__type": "ResourceNotFoundException",
                "Message": "Unknown user",
                "Resource": user_name,
                "ResourceType": "User",
            }
        return HTTPStatus.OK, {"ServerId": server_id, "User": user or self._user(asked, self.settings.key_body)}

    def _create(self, asked: dict[str, str]) -> dict[str, object]:
        user = self._user(asked, asked["SshPublicKeyBody"])
        self._created[asked["ServerId"], asked["UserName"]] = {"Role": asked["Role"], **user}
        return {"ServerId": asked["ServerId"], "UserName": asked["UserName"]}

    @staticmethod
    def _user(asked: dict[str, str], key_body: str) -> dict[str, object]:
        server_id, user_name = asked["ServerId"], asked["UserName"]
        key = {"SshPublicKeyId": "key-" + "0" * 17, "SshPublicKeyBody": key_body, "DateImported": 1.7e9}
        arn = f"arn:aws:transfer:us-east-1:123456789012:user/{server_id}/{user_name}"
        return {"Arn": arn, "UserName": user_name, "SshPublicKeys": [key]}


class Connection(asyncio.Protocol):
    """One connection: HTTP/1.1, a request after the other."""

    def __init__(self, service: Service) -> None:
        """Wait for requests."""
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._service.counts.connections += 1

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(self._received) < end + 4 + length:
                return
            body, self._received = self._received[end + 4 : end + 4 + length], self._received[end + 4 + length :]
            self._request(first, headers.get("x-amz-target", ""), body)

    def _request(self, first: str, operation: str, body: bytes) -> None:
        if first.startswith("GET /counts"):
            self._send(HTTPStatus.OK, asdict(self._service.counts))
            self._service.counts = Counts()
            return
        status, answer = self._service.answer(operation, body, self._loop.time())
        self._loop.call_later(self._service.settings.latency, self._send, status, answer)

    def _send(self, status: HTTPStatus, answer: dict[str, object] | str) -> None:
        content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        kind = "text/xml" if isinstance(answer, str) else "application/x-amz-json-1.1"
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
        if self._transport and not self._transport.is_closing():
            self._transport.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)


async def serve(settings: Settings, certificate: str) -> None:
    """Listen on a free port of loopback, print it, and answer until the standard input ends."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    service = Service(settings)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0, ssl=context, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Whoever started this one closes the pipe, or dies.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description="A service for measuring.")
    parser.add_argument("--latency", type=float, default=0.02)
    parser.add_argument("--calls-a-second", type=float, default=0)
    parser.add_argument("--certificate", default="", help="a file with a certificate and its key, to speak TLS")
    parser.add_argument("--key-body", default="", help="the key that every user of Transfer Family has")
    options = parser.parse_args()
    asyncio.run(serve(Settings(options.latency, options.calls_a_second, options.key_body), options.certificate))


if __name__ == "__main__":
    main()
