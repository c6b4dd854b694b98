# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What ec2_instance_connect_info returns of instances and managed nodes. Pure."""

from __future__ import annotations

from datetime import timezone
from typing import Any, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, hint_for
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    Agent,
    Instance,
    Read,
    Surroundings,
    Unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.agent import judge_agent
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.judge import (
    Judged,
    judge,
    judge_node,
    judge_unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import unknown
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import is_managed_node

_FACTS = (
    "name",
    "state",
    "platform",
    "image_id",
    "image_name",
    "instance_type",
    "availability_zone",
    "vpc_id",
    "subnet_id",
    "private_ip_address",
    "public_ip_address",
    "ipv6_address",
)


def report_instances(
    instance_ids: Sequence[str] | None, instances: Read[Sequence[Instance]], asked: Asked, around: Surroundings
) -> list[dict[str, Any]]:
    """Return the elements of ``instances``.

    instance_ids: those of the task, each once; None for all that were found.
    """
    found = {} if isinstance(instances, Unread) else {each.id: each for each in instances}
    told = []
    for instance_id in found if instance_ids is None else instance_ids:
        instance = found.get(instance_id)
        if is_managed_node(instance_id):
            told.append(_node(instance_id, asked, around))
        elif instance:
            told.append(_told(instance_id, _facts(instance, around), judge(instance, asked, around), around.agents))
        elif isinstance(instances, Unread):
            told.append(_unread(instance_id, instances, asked, around))
        else:
            told.append(
                _missing(instance_id, "InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
            )
    return told


def _node(node_id: str, asked: Asked, around: Surroundings) -> dict[str, Any]:
    if not isinstance(around.agents, Unread):
        agent = around.agents.get(node_id)
        if agent is None:
            return _missing(node_id, "InvalidInstanceId", f"Systems Manager knows no managed node {node_id}")
        facts = {"name": agent.computer_name, "platform": agent.platform, "private_ip_address": agent.ip_address}
        return _told(node_id, facts, judge_node(node_id, asked, around), around.agents)
    return _told(node_id, {}, judge_node(node_id, asked, around), around.agents)


def _unread(instance_id: str, instances: Unread, asked: Asked, around: Surroundings) -> dict[str, Any]:
    agent = None if isinstance(around.agents, Unread) else around.agents.get(instance_id)
    # Without the instance, only an agent that answers is certain.
    verdict = judge_agent(instance_id, around.agents, has_profile=True) if agent else unknown(instances.why)
    if isinstance(around.agents, Unread):
        verdict = unknown(around.agents.why)
    return _told(instance_id, {}, judge_unread(instance_id, asked, instances.why, verdict), around.agents)


def _facts(instance: Instance, around: Surroundings) -> dict[str, Any]:
    image = None if isinstance(around.images, Unread) else around.images.get(instance.image_id or "")
    return {
        **{name: getattr(instance, name, None) for name in _FACTS},
        "instance_type": instance.type,
        "image_name": image.name if image else None,
    }


def _told(
    instance_id: str, facts: Mapping[str, Any], judged: Judged, agents: Read[Mapping[str, Agent]]
) -> dict[str, Any]:
    agent = None if isinstance(agents, Unread) else agents.get(instance_id)
    last_ping = agent.last_ping_at if agent else None
    return {
        "instance_id": instance_id,
        **dict.fromkeys(_FACTS),
        **facts,
        "best_way": judged.best_way,
        "best_way_is_certain": judged.is_certain,
        "best_address": judged.best_address,
        "pushed_key": judged.key.result(),
        "ways": {
            "direct": {**judged.direct.result(), "address": judged.address},
            "endpoint": {**judged.endpoint.result(), "instance_connect_endpoint_id": judged.endpoint_id},
            "session_manager": {
                **judged.session_manager.result(),
                "ping_status": agent.ping_status if agent else None,
                "agent_version": agent.version if agent else None,
                "last_ping_at": f"{last_ping.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}" if last_ping else None,
            },
        },
    }


def _missing(instance_id: str, code: str, message: str) -> dict[str, Any]:
    hint = hint_for("InvalidInstanceID.NotFound")
    error = ServiceError(code, message, hint).result()
    return {"instance_id": instance_id, **dict.fromkeys(_FACTS), "best_way": None, "error": error}
