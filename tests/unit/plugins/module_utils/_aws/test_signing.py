# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The signatures, compared with Signature Version 4 as AWS documents it, written here without the SDK.

Source: IAM User Guide, "Create a signed AWS API request", and "AWS SigV4 query parameters" for signed URLs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import Credentials
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.signing import Signer

ACCESS_KEY, SECRET_KEY, TOKEN = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3/+=="
REGION = "eu-central-1"
MESSAGES = "https://ssmmessages.eu-central-1.amazonaws.com/v1/data-channel/alice-0abc"
EMPTY = hashlib.sha256(b"").hexdigest()


def signer(token: str | None = None) -> Signer:
    return Signer(Credentials(ACCESS_KEY, SECRET_KEY, token), REGION)


def canonical_query(query: dict[str, str]) -> str:
    """Return a query as it is signed: encoded, and sorted by name."""
    return "&".join(sorted(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items()))


def signature(service: str, host: str, path: str, *, query: str, at: str, signed: dict[str, str] | None = None) -> str:
    """Return the signature of a GET without a body. query: canonical. signed: headers in addition to the host."""
    headers = dict(sorted({"host": host, **(signed or {})}.items()))
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join(["GET", path, query, lines, ";".join(headers), EMPTY])
    scope = f"{at[:8]}/{REGION}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{SECRET_KEY}".encode()
    for part in [*scope.split("/"), to_sign]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def is_now(at: str) -> bool:
    then = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return abs(datetime.now(UTC) - then) < timedelta(minutes=1)


def authorization(headers: dict[str, str]) -> dict[str, str]:
    """Return the parts of the header Authorization."""
    algorithm, _blank, parts = headers["Authorization"].partition(" ")
    assert algorithm == "AWS4-HMAC-SHA256"
    return dict(re.findall(r"(\w+)=([^,]+)(?:, |$)", parts))


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(
    ("url", "host", "path", "query"),
    [
        (MESSAGES, "ssmmessages.eu-central-1.amazonaws.com", "/v1/data-channel/alice-0abc", ""),
        # As StartSession returns it, with base64 as it stands. The official plugin decodes it and encodes it anew.
        (
            f"{MESSAGES}?role=publish_subscribe&cell-number=AAE/+a=",
            "ssmmessages.eu-central-1.amazonaws.com",
            "/v1/data-channel/alice-0abc",
            "cell-number=AAE%2F%20a%3D&role=publish_subscribe",
        ),
        # Encoded already, which makes no difference.
        (
            f"{MESSAGES}?role=publish_subscribe&cell-number=AAE%2F+a%3D",
            "ssmmessages.eu-central-1.amazonaws.com",
            "/v1/data-channel/alice-0abc",
            "cell-number=AAE%2F%20a%3D&role=publish_subscribe",
        ),
        (f"{MESSAGES}?b=&a=~-_.", "ssmmessages.eu-central-1.amazonaws.com", "/v1/data-channel/alice-0abc", "a=~-_.&b="),
        # A session is named by its user, and a session of a role by an e-mail address, mostly.
        (
            "https://messages.example:8443/v1/data-channel/alice@example.com-0abc?role=x",
            "messages.example:8443",
            "/v1/data-channel/alice%40example.com-0abc",
            "role=x",
        ),
        # The port of the scheme is no part of the header Host.
        ("https://messages.example:443/x?a=b", "messages.example", "/x", "a=b"),
        ("https://[::1]:8443/x?a=b", "[::1]:8443", "/x", "a=b"),
    ],
)
def test_headers_have_the_signature_that_aws_documents(
    url: str, host: str, path: str, query: str, token: str | None
) -> None:
    headers = signer(token).headers("ssmmessages", url)
    at = headers["X-Amz-Date"]
    assert is_now(at)
    signed = {"x-amz-date": at, **({"x-amz-security-token": token} if token else {})}
    assert authorization(headers) == {
        "Credential": f"{ACCESS_KEY}/{at[:8]}/{REGION}/ssmmessages/aws4_request",
        "SignedHeaders": ";".join(sorted(["host", *signed])),
        "Signature": signature("ssmmessages", host, path, query=query, at=at, signed=signed),
    }


def test_the_query_of_the_documented_trap_is_that_of_this_test() -> None:
    """Else the tests above would compare with themselves."""
    decoded = dict(parse_qsl("role=publish_subscribe&cell-number=AAE/+a="))
    assert canonical_query(decoded) == "cell-number=AAE%2F%20a%3D&role=publish_subscribe"


def test_headers_are_those_that_are_signed_and_no_others() -> None:
    """The library for websockets adds its own, and the host."""
    assert set(signer().headers("ssmmessages", MESSAGES)) == {"X-Amz-Date", "Authorization"}
    headers = signer(TOKEN).headers("ssmmessages", MESSAGES)
    assert set(headers) == {"X-Amz-Date", "X-Amz-Security-Token", "Authorization"}
    assert headers["X-Amz-Security-Token"] == TOKEN


@pytest.mark.parametrize("token", [None, TOKEN])
def test_a_signed_url_has_the_signature_that_aws_documents(token: str | None) -> None:
    given = {"instanceConnectEndpointId": "eice-1", "privateIpAddress": "fd00::7", "remotePort": "22"}
    url = signer(token).signed_url("ec2-instance-connect", "https://one.example.com/openTunnel", given, 60)
    split = urlsplit(url)
    assert (split.scheme, split.netloc, split.path) == ("https", "one.example.com", "/openTunnel")
    names = [name for name, _value in parse_qsl(split.query)]
    assert len(set(names)) == len(names)
    found = dict(parse_qsl(split.query))
    made, at = found.pop("X-Amz-Signature"), found["X-Amz-Date"]
    assert is_now(at)
    assert found == {
        **given,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{ACCESS_KEY}/{at[:8]}/{REGION}/ec2-instance-connect/aws4_request",
        "X-Amz-Date": at,
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host",
        **({"X-Amz-Security-Token": token} if token else {}),
    }
    query = canonical_query(found)
    assert made == signature("ec2-instance-connect", "one.example.com", "/openTunnel", query=query, at=at)


def test_a_signed_url_is_sent_as_it_is_signed() -> None:
    """A service that takes the query as it stands finds the same signature."""
    url = signer(TOKEN).signed_url("ec2-instance-connect", "https://one.example.com/openTunnel", {"a": "b c/+="}, 60)
    sent = urlsplit(url).query.split("&")
    assert "a=b%20c%2F%2B%3D" in sent
    assert all(quote(unquote(value), safe="") == value for _name, _is, value in (each.partition("=") for each in sent))
