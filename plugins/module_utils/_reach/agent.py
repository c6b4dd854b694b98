# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether Session Manager reaches the SSM Agent of an instance or of a managed node. Pure."""

from __future__ import annotations

import re
from datetime import timezone
from typing import Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Agent, Read, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import OPEN, Verdict, closed, unknown

# For sessions with AWS-StartSSHSession (Systems Manager User Guide, "Allow and control permissions for SSH connections
# through Session Manager").
OLDEST_AGENT = (2, 3, 672, 0)
_PREPARE = (
    "It needs the policy AmazonSSMManagedInstanceCore in its instance profile, or Default Host Management in the "
    "account"
)
_WAY_OUT = "a way to ssm and ssmmessages of the region, by a NAT gateway or by VPC endpoints"


def judge_agent(
    instance_id: str, agents: Read[Mapping[str, Agent]], *, has_profile: bool | None, hints: Sequence[str] = ()
) -> Verdict:
    """Return whether the agent takes sessions.

    has_profile: whether an instance has an instance profile; None for a managed node.
    hints: what the network around the instance may lack, sentences.
    """
    if isinstance(agents, Unread):
        return unknown(agents.why)
    agent = agents.get(instance_id)
    if agent is None:
        return closed(" ".join([_not_registered(has_profile), *hints]))
    if agent.ping_status != "Online":
        return closed(" ".join([_silent(agent), *hints]))
    if agent.version and _is_too_old(agent.version):
        return closed(
            f"The SSM Agent is too old for ssh: it is {printable(agent.version)}, and sessions for ssh need "
            f"{'.'.join(map(str, OLDEST_AGENT))} or later. Update it: aws ssm send-command --document-name "
            f"AWS-UpdateSSMAgent --instance-ids {instance_id}."
        )
    return OPEN


def _not_registered(has_profile: bool | None) -> str:
    if has_profile is None:
        return "No SSM Agent has registered. Check the activation of the managed node, and the region."
    if not has_profile:
        return (
            "No SSM Agent has registered, and the instance has no instance profile. "
            f"{_PREPARE}, and the agent must run and have {_WAY_OUT}."
        )
    return (
        f"No SSM Agent has registered. {_PREPARE}. The agent must run and have {_WAY_OUT}. After a boot, this takes a "
        "minute or more."
    )


def _silent(agent: Agent) -> str:
    at = agent.last_ping_at
    when = f"{at.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC" if at else "an unknown time"
    return (
        f"The SSM Agent was last heard of at {when} (PingStatus {printable(agent.ping_status or 'unknown')}). Check "
        f"that the agent runs and still has its permissions and {_WAY_OUT}."
    )


def _is_too_old(version: str) -> bool:
    if not re.fullmatch(r"\d+(\.\d+)*", version):
        return False
    # A version may be shorter, without its last zeros.
    numbers = [*map(int, version.split(".")), *[0] * len(OLDEST_AGENT)]
    return tuple(numbers[: len(OLDEST_AGENT)]) < OLDEST_AGENT
