# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service on loopback that answers from a script over real HTTP, and calls to it with the client of modules."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Union

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import instance_connect, transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import Preloaded
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.tests.unit.sdk_data import shared

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


class ScriptedService:
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


def client(service: ScriptedService, name: str, preloaded: Preloaded | None = None, **options: Any) -> Any:
    """Return the client that modules get, of the service of a name, for a task with these options."""
    return Session(service.params(**options), preloaded or shared()).client(name)


def push(service: ScriptedService, script: Sequence[Answer], preloaded: Preloaded | None = None, **options: Any) -> Any:
    """Push KEY to TARGET while the service follows a script."""
    service.script = list(script)
    return instance_connect.push(client(service, INSTANCE_CONNECT, preloaded, **options), TARGET, KEY)


def import_key(service: ScriptedService, script: Sequence[Answer], **options: Any) -> str:
    """Import KEY for "partner" while the service follows a script."""
    service.script = list(script)
    return transfer.import_key(client(service, TRANSFER, **options), SERVER_ID, "partner", KEY.line_with_comment)
