# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's services without a wire: for tests that make more calls than a wire carries in their time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.front import Credentials, Front
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.protocol import Request
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders


class Services:
    """The services in their first state, and clients of them: botocore's own, up to the socket."""

    def __init__(self) -> None:
        """Start them."""
        self._credentials = Credentials.fresh()
        self._front = Front(self._credentials)
        self.inside = self._front.services

    def client(self, service: str, before: Callable[[], None] = lambda: None) -> Any:
        """Make a client. before: is called in front of each request."""
        session = botocore.session.Session()
        session.set_credentials(self._credentials.access_key, self._credentials.secret_key)
        client: Any = session.create_client(service, region_name="us-east-1")

        def send(request: Any, **_event: object) -> AWSResponse:
            before()
            there = urlsplit(request.url)
            headers = {
                name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
            }
            answer = self._front.answer(Request(request.method, there.path, there.query, headers, request.body or b""))
            headers = {"Content-Type": answer.content_type, **answer.headers}
            return AWSResponse(request.url, answer.status, HTTPHeaders.from_dict(headers), _Raw(answer.body))

        client.meta.events.register(f"before-send.{service}", send)
        return client


class _Raw:
    """What botocore reads the body of an answer from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_options: object) -> Iterator[bytes]:
        yield self._body
