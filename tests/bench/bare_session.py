# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The least that carries ssh through a session of Session Manager: a ProxyCommand that acknowledges, and no more.

It sends nothing again and has no window, so its downloads are as fast as the agent.

Usage: bare_session.py LAB INSTANCE, with the lab's lab.json and the id of an instance.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import boto3
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.session_client import Client


async def main() -> None:
    """Pump until ssh or the session ends."""
    _program, lab_file, instance_id = sys.argv
    with open(lab_file, encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - nothing else runs yet
        lab = json.load(file)["lab"]
    ssm = boto3.client("ssm")
    started = ssm.start_session(
        Target=instance_id, DocumentName="AWS-StartSSHSession", Parameters={"portNumber": ["22"]}
    )
    client = Client(lab, ssm, dict(started))
    os.write(1, await client.begin())

    async def send() -> None:
        while data := await asyncio.to_thread(os.read, 0, 1024):
            await client.send(data)
        ssm.terminate_session(SessionId=started["SessionId"])
        os._exit(0)

    sending = asyncio.create_task(send())
    while not sending.done():
        os.write(1, (await client.next()).payload)


if __name__ == "__main__":
    asyncio.run(main())
