# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature of a websocket's opening: Signature Version 4 in headers, checked without an SDK."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, quote

from .errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<access_key>\w+)/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)"
    r"/aws4_request, ?SignedHeaders=(?P<headers>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_TOKEN = "x-amz-security-token"  # noqa: S105 - a header's name
_AGE = timedelta(minutes=5)
_NO_BODY = hashlib.sha256(b"").hexdigest()


class Signed(NamedTuple):
    """What a signature says of its maker."""

    access_key: str
    region: str


def _canonical_query(query: str) -> str:
    """Decode a query and encode it anew, as Go does: a plus sign is a blank."""
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _refuse(message: str) -> ServiceError:
    return ServiceError("AccessDeniedException", message, status=403)


def check(
    target: str, headers: Mapping[str, str], scope: tuple[str, str], own: Mapping[str, str], roles: Mapping[str, str]
) -> Signed:
    """Check the signature of a GET without a body; raise ServiceError if it is not right.

    target: path and query as sent; headers: lookups ignore case; scope: the region and the service that it must have;
    own: the secret keys, by access key, of credentials without a session token; roles: of those with one.
    """
    found = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    if found is None:
        msg = "The request has no signature in its header Authorization."
        raise _refuse(msg)
    if (found["region"], found["service"]) != scope:
        msg = f"The credential scope is not that of {scope[1]} in {scope[0]}."
        raise _refuse(msg)
    access_key = found["access_key"]
    secret_key = own.get(access_key) or roles.get(access_key)
    if secret_key is None or (access_key in roles) != bool(headers.get(_TOKEN)):
        msg = "The security token included in the request is invalid."
        raise _refuse(msg)
    names = found["headers"].split(";")
    needed = {"host", "x-amz-date"} | ({_TOKEN} if access_key in roles else set())
    if names != sorted(set(names)) or not needed <= set(names):
        msg = f"The signed headers {found['headers']} must be sorted and have {', '.join(sorted(needed))}."
        raise _refuse(msg)
    signed_at = _check_date(headers.get("X-Amz-Date", ""), found["date"])
    path, _mark, query = target.partition("?")
    canonical_headers = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names)
    canonical = "\n".join(("GET", path, _canonical_query(query), canonical_headers, found["headers"], _NO_BODY))
    day = f"{found['date']}/{scope[0]}/{scope[1]}/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", signed_at, day, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret_key}".encode()
    for part in day.split("/"):
        key = _hmac(key, part)
    if not hmac.compare_digest(_hmac(key, text).hex(), found["signature"]):
        msg = "The request signature we calculated does not match the signature you provided."
        raise _refuse(msg)
    return Signed(access_key, scope[0])


def _check_date(signed_at: str, day: str) -> str:
    try:
        moment = datetime.strptime(signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        msg = "The header X-Amz-Date is missing or not a date."
        raise _refuse(msg) from error
    if not signed_at.startswith(day) or abs(datetime.now(tz=UTC) - moment) > _AGE:
        msg = f"The signature is of {signed_at}, which is not now."
        raise _refuse(msg)
    return signed_at
