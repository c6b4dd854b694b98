# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same calls by the SDK alone, in threads, with retries of its own: what the collection's pace is measured against.

Prints, as JSON, the seconds that the calls took and how many of them failed.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def _client(address: str, mode: str, attempts: int, concurrency: int) -> Any:
    session = botocore.session.Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    retries: Any = {"mode": mode, "total_max_attempts": attempts}
    config = Config(retries=retries, max_pool_connections=concurrency)
    return session.create_client("ec2-instance-connect", region_name="us-east-1", endpoint_url=address, config=config)


def main() -> None:
    """Make the calls."""
    parser = argparse.ArgumentParser(description="Calls of the SDK.")
    parser.add_argument("address")
    parser.add_argument("targets", type=int)
    parser.add_argument("--mode", choices=["standard", "adaptive"], required=True)
    parser.add_argument("--attempts", type=int, default=8)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--key", required=True)
    asked = parser.parse_args()
    client = _client(asked.address, asked.mode, asked.attempts, asked.concurrency)

    def has_failed(number: int) -> bool:
        try:
            client.send_ssh_public_key(InstanceId=f"i-{number:017x}", InstanceOSUser="ec2-user", SSHPublicKey=asked.key)
        except (BotoCoreError, ClientError):
            return True
        return False

    began = time.monotonic()
    with ThreadPoolExecutor(asked.concurrency) as pool:
        failed = sum(pool.map(has_failed, range(asked.targets)))
    print(json.dumps({"seconds": time.monotonic() - began, "failed": failed}))


if __name__ == "__main__":
    main()
