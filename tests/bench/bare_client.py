# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The least that a client can do: requests that are signed by hand, over a few connections that stay open.

Prints the seconds that the calls took. SigV4 is that of the IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

_REGION, _SERVICE = "us-east-1", "ec2-instance-connect"
_ACCESS_KEY, _SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_TARGET = "AWSEC2InstanceConnectService.SendSSHPublicKey"


def _sign(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed_request(host: str, body: bytes) -> bytes:
    """Return a request as it goes over the wire."""
    now = datetime.now(UTC)
    moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": host,
        "x-amz-date": moment,
        "x-amz-target": _TARGET,
    }
    names = ";".join(headers)
    listed = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{listed}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{_REGION}/{_SERVICE}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{_SECRET_KEY}".encode()
    for part in (day, _REGION, _SERVICE, "aws4_request"):
        key = _sign(key, part)
    signature = _sign(key, to_sign).hex()
    credential = f"AWS4-HMAC-SHA256 Credential={_ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST / HTTP/1.1\r\n{lines}Authorization: {credential}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )


async def _work(bodies: Iterator[bytes], address: str, certificate: str) -> None:
    url = urlsplit(address)
    context = ssl.create_default_context(cafile=certificate) if url.scheme == "https" else None
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=context)
    for body in bodies:
        writer.write(signed_request(url.netloc, body))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        answer = json.loads(await reader.readexactly(length))
        if not answer.get("Success"):
            raise RuntimeError(answer)
    writer.close()


async def _run(address: str, certificate: str, targets: int, concurrency: int, key: str) -> float:
    bodies = (
        json.dumps({"InstanceId": f"i-{number:017x}", "InstanceOSUser": "ec2-user", "SSHPublicKey": key}).encode()
        for number in range(targets)
    )
    began = time.monotonic()
    await asyncio.gather(*(_work(bodies, address, certificate) for _time in range(concurrency)))
    return time.monotonic() - began


def main() -> None:
    """Make the calls."""
    parser = argparse.ArgumentParser(description="Calls of a bare client.")
    parser.add_argument("address")
    parser.add_argument("targets", type=int)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--certificate", default="")
    parser.add_argument("--key", required=True)
    asked = parser.parse_args()
    print(asyncio.run(_run(asked.address, asked.certificate, asked.targets, asked.concurrency, asked.key)))


if __name__ == "__main__":
    main()
