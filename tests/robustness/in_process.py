# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's services in the process of the test, without a wire: a call takes a millisecond, and a timeout no time.

A client is botocore's own, up to the socket. test_wire.py compares what it meets here with what it meets on a wire.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab import seed
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.cloud import is_nitro
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.front import Credentials, Front
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.protocol import Answer, Delivery, Request
from ansible_collections.sshkeys.aws.tests.running_lab import Prepare, PreparedSession, RunningLab
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

_ADDRESS = "http://lab.invalid"
# Where no lab is: see faults.Way.
NOWHERE = {"refused": "http://refused.invalid/", "reset on its way": "http://reset.invalid/"}


@dataclass(frozen=True)
class InProcessLab(RunningLab):
    """The services, their control API, and modules that call them. Nothing of it listens anywhere."""

    front: Front

    def _request(self, url: str, method: str, body: Mapping[str, object]) -> str:
        there, headers = urlsplit(url), {"X-Lab-Key": self.lab["access_key"]}
        data = json.dumps(body).encode() if body else b""
        answer = self.front.answer(Request(method, there.path, there.query, headers, data))
        assert answer.status == 200, answer
        return answer.body.decode()

    def _session(self, params: Mapping[str, Any], prepare: Prepare) -> Session:
        def prepare_and_connect(client: Any) -> None:
            prepare(client)
            self.connect(client)

        session = PreparedSession(params, self._preloaded, prepare_and_connect)
        # A new session of botocore takes longer than all calls of a task. The options have all that one would find.
        vars(session)["_sdk_session"] = self._sdk_session
        return session

    @cached_property
    def _sdk_session(self) -> botocore.session.Session:
        session = botocore.session.Session()
        if self._preloaded:
            session.register_component("data_loader", self._preloaded.loader)
        return session

    def client(self, service: str, before: Callable[[], None] = lambda: None) -> Any:
        """Make a client without the retries of modules. before: is called in front of each request."""
        session = botocore.session.Session()
        session.set_credentials(self.lab["access_key"], self.lab["secret_key"])
        client: Any = session.create_client(service, region_name=self.lab["region"])
        self.connect(client, before)
        return client

    def connect(self, client: Any, before: Callable[[], None] = lambda: None) -> None:
        """Lead the requests of a client to the services."""
        read_timeout: float = client.meta.config.read_timeout

        def send(request: Any, **_event: object) -> AWSResponse:
            before()
            if request.url in NOWHERE.values():
                raise _failure_nowhere(request)
            there = urlsplit(request.url)
            headers = {
                name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
            }
            # That of EC2's protocol is a text.
            body = request.body.encode() if isinstance(request.body, str) else request.body or b""
            answer = self.front.answer(Request(request.method, there.path, there.query, headers, body))
            return _received(request, answer, read_timeout)

        # The last one: what misleads a request is called first.
        client.meta.events.register_last("before-send", send)


def _failure_nowhere(request: Any) -> Exception:
    if request.url == NOWHERE["refused"]:
        return EndpointConnectionError(endpoint_url=request.url, error="Connection refused")
    return ConnectionClosedError(endpoint_url=request.url, request=request, error="Connection reset by peer")


def _received(request: Any, answer: Answer, read_timeout: float) -> AWSResponse:
    """Return what botocore's HTTP session would, or raise what it would."""
    if answer.delivery is Delivery.HANG:
        time.sleep(read_timeout)
        raise ReadTimeoutError(endpoint_url=request.url, error="Read timed out.")
    if answer.delivery in (Delivery.NONE, Delivery.RESET):
        raise ConnectionClosedError(endpoint_url=request.url, request=request, error="Connection aborted.")
    body = answer.body[: len(answer.body) // 2] if answer.delivery is Delivery.CUT else answer.body
    headers = HTTPHeaders.from_dict({"Content-Type": answer.content_type, **answer.headers})
    return AWSResponse(request.url, answer.status, headers, _Raw(body))


class _Raw:
    """What botocore reads the body of an answer from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_options: object) -> Iterator[bytes]:
        yield self._body


@cache
def in_process_lab() -> InProcessLab:
    """Return the services of this process: moto has one state a process."""
    credentials = Credentials.fresh()
    front = Front(credentials)
    front.services.ec2.dns_name = f"{seed.ENDPOINT_ID}.lab.invalid"
    return InProcessLab(_description(credentials, front), front)


def has_serial_console(front: Front, instance_id: str) -> bool:
    """Return whether an instance has one."""
    instance = front.services.cloud.instance(seed.REGION, instance_id)
    return instance is not None and is_nitro(instance)


def _description(credentials: Credentials, front: Front) -> dict[str, Any]:
    """Return what lab.json says of a lab on the wire, as far as these tests ask."""
    return {
        "endpoint_url": _ADDRESS,
        "control_url": f"{_ADDRESS}/lab",
        "region": seed.REGION,
        "access_key": credentials.access_key,
        "secret_key": credentials.secret_key,
        "instances": [
            {
                "instance_id": instance.instance_id,
                "availability_zone": instance.availability_zone,
                "state": "running" if instance.running else "stopped",
                "port": 22 if instance.has_sshd else None,
                "serial_console": has_serial_console(front, instance.instance_id),
            }
            for instance in seed.INSTANCES
        ],
        "transfer": {
            "server_id": seed.SERVER_ID,
            "empty_server": seed.EMPTY_SERVER_ID,
            "users": [{"user_name": name} for name in (*seed.SFTP_USERS, *seed.OTHER_USERS)],
        },
    }
