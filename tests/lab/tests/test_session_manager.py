# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Session Manager: the API, a whole session with a real sshd, and its ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sshkeys_lab.session_client import Client

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench

BANNER = b"SSH-2.0-test\r\n"


def started(bench: Bench, target: str | None = None, **changed: Any) -> Client:
    """Start a session with an instance, by default the first one."""
    wanted = {
        "Target": target or bench.instances[0]["instance_id"],
        "DocumentName": "AWS-StartSSHSession",
        "Parameters": {"portNumber": ["22"]},
        **changed,
    }
    ssm = bench.client("ssm")
    return Client(bench.lab, ssm, ssm.start_session(**wanted))


def sessions(bench: Bench) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = bench.control("GET", "sessions")["sessions"]
    return listed


def test_a_session_reaches_a_real_sshd(bench: Bench) -> None:
    async def talk() -> None:
        client = started(bench, Reason="a test")
        assert (await client.begin()).startswith(b"SSH-2.0-OpenSSH")
        await client.send(BANNER)
        assert await client.acknowledged() == 1
        bench.client("ssm").terminate_session(SessionId=client.started["SessionId"])
        assert await client.closed() == ""

    asyncio.run(talk())
    (session,) = sessions(bench)
    assert session["violations"] == []
