# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and answers on the wire, and how a call to an AWS service is recognised and refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

from .errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_TYPE = "application/x-amz-json-1.1"
INSTANCE_CONNECT = "ec2-instance-connect"
TRANSFER = "transfer"
EC2 = "ec2"
SSM = "ssm"
# No service of the SDK: the signing name of Session Manager's websockets.
DATA_CHANNELS = "ssmmessages"
_TARGETS = {"AWSEC2InstanceConnectService": INSTANCE_CONNECT, "TransferService": TRANSFER, "AmazonSSM": SSM}


class Delivery(Enum):
    """How an answer reaches the client: whole, cut in the middle, not at all, or withheld while the client waits.

    Without an answer the connection is closed (NONE) or reset (RESET).
    """

    WHOLE = auto()
    CUT = auto()
    NONE = auto()
    RESET = auto()
    HANG = auto()


@dataclass(frozen=True)
class Request:
    """One HTTP request; lookups in `headers` ignore case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, and its delivery to the client."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery.WHOLE


@dataclass(frozen=True)
class Call:
    """A call to an AWS service.

    service: the signing name, such as `transfer`; region and access_key: of the credential scope, empty when unsigned;
    parameters: the JSON input, or the form of the EC2 query protocol; uses_json: which of the two it is.
    """

    service: str
    operation: str
    region: str
    access_key: str
    parameters: dict[str, Any]
    user_agent: str
    uses_json: bool


def json_answer(value: object, *, status: int = 200, content_type: str = JSON_TYPE) -> Answer:
    """Return `value` as a JSON answer."""
    return Answer(status, json.dumps(value).encode(), content_type, {"x-amzn-RequestId": str(uuid4())})


def text_answer(text: str, *, status: int = 200) -> Answer:
    """Return `text` as a plain answer."""
    return Answer(status, text.encode(), "text/plain; charset=utf-8")


def _credential_scope(authorization: str) -> tuple[str, str, str]:
    """Return the access key id, region and service of a Signature V4 header; three empty strings without one."""
    _before, found, rest = authorization.partition("Credential=")
    scope = rest.split(",", 1)[0].split("/")
    if not found or len(scope) != 5:
        return "", "", ""
    return scope[0], scope[2], scope[3]


def read_call(request: Request) -> Call:
    """Recognise the operation of `request`; raise ServiceError if the body of a JSON call is not an object."""
    access_key, region, service = _credential_scope(request.headers.get("Authorization", ""))
    target = request.headers.get("X-Amz-Target", "")
    user_agent = request.headers.get("User-Agent", "")
    if not target:
        form = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
        return Call(service, form.get("Action", ""), region, access_key, form, user_agent, uses_json=False)
    prefix, _dot, operation = target.rpartition(".")
    try:
        parameters = json.loads(request.body or b"{}")
    except ValueError:
        parameters = None
    if not isinstance(parameters, dict):
        code = "SerializationException"
        raise ServiceError(code, "The body is not a JSON object.")
    return Call(_TARGETS.get(prefix, service), operation, region, access_key, parameters, user_agent, uses_json=True)


def error_answer(error: ServiceError, *, uses_json: bool) -> Answer:
    """Put a refusal on the wire: JSON 1.1, or the XML of the EC2 query protocol."""
    if uses_json:
        return json_answer({"__type": error.code, "Message": error.message, **error.members}, status=error.status)
    body = (
        f"<Response><Errors><Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
        f"</Error></Errors><RequestID>{uuid4()}</RequestID></Response>"
    )
    return Answer(error.status, body.encode(), "text/xml")
