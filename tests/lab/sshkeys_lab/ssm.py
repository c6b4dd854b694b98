# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of Session Manager, for ssh sessions alone, and which SSM Agents have registered."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from . import model, seed
from .errors import ServiceError
from .protocol import SSM
from .ssm_agent import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cloud import Cloud
    from .data_channel import DataChannels
    from .protocol import Call

_DOCUMENT = "AWS-StartSSHSession"
# As the document has it: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LARGEST_PORT = 65535
_SSH_PORT = 22


class Ssm:
    """The service, and the state that a test can change.

    channels: where the sessions live, set when they open; port_of: the port of a target's sshd, or None, set when the
    doors open; silent_agents: instances whose agent has no connection; agents: members of DescribeInstanceInformation
    that differ from those of a seeded agent, None for an agent that has not registered; managed_keys: the public keys
    that open each managed node.
    """

    def __init__(self, cloud: Cloud) -> None:
        """Start with no sessions."""
        self._cloud = cloud
        self.channels: DataChannels | None = None
        self.port_of: Callable[[str], int | None] = lambda _target: None
        self.silent_agents: set[str] = set()
        self.agents: dict[str, dict[str, Any] | None] = {}
        self.managed_keys: dict[str, list[str]] = {}
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "StartSession": self._start_session,
            "ResumeSession": self._resume_session,
            "TerminateSession": self._terminate_session,
            "GetConnectionStatus": self._get_connection_status,
            "DescribeInstanceInformation": self._describe_instance_information,
        }

    def answer(self, call: Call) -> dict[str, Any]:
        """Carry out one of the `operations`."""
        model.check(SSM, call.operation, call.parameters, code="ValidationException")
        return self.operations[call.operation](call)

    def reset(self) -> None:
        """Forget all sessions, and let all agents connect."""
        if self.channels is not None:
            self.channels.forget()
        self.silent_agents.clear()
        self.agents.clear()
        self.managed_keys.clear()

    def _open_channels(self) -> DataChannels:
        if self.channels is None:
            code = "InternalServerError"
            raise ServiceError(code, "This lab has no data channels.", status=500)
        return self.channels

    def _is_connected(self, call: Call) -> bool:
        target = call.parameters["Target"]
        if target in self.silent_agents or call.region != seed.REGION:
            return False
        told = self.agents.get(target, {})
        if told is None or told.get("PingStatus", "Online") != "Online":
            return False
        instance = self._cloud.instance(call.region, target)
        return target in seed.MANAGED_NODES or (instance is not None and instance.state == "running")

    def _start_session(self, call: Call) -> dict[str, Any]:
        target = call.parameters["Target"]
        if call.parameters.get("DocumentName") != _DOCUMENT:
            code = "InvalidDocument"
            raise ServiceError(code, f"The lab has only the document {_DOCUMENT}.")
        asked = _asked_port(call.parameters.get("Parameters"))
        if not self._is_connected(call):
            code = "TargetNotConnected"
            raise ServiceError(code, f"{target} is not connected.")
        port = self.port_of(target)
        listens = asked in (_SSH_PORT, port)
        reason = call.parameters.get("Reason")
        return self._open_channels().start((target, reason), Target(asked, port if listens else None))

    def _resume_session(self, call: Call) -> dict[str, Any]:
        session_id = call.parameters["SessionId"]
        answer = self._open_channels().resume(session_id)
        if answer is None:
            code = "DoesNotExistException"
            raise ServiceError(code, f"The session {session_id} does not exist, or has been terminated.")
        return answer

    def _terminate_session(self, call: Call) -> dict[str, Any]:
        session_id = call.parameters["SessionId"]
        self._open_channels().terminate(session_id)
        return {"SessionId": session_id}

    def _get_connection_status(self, call: Call) -> dict[str, Any]:
        status = "connected" if self._is_connected(call) else "notconnected"
        return {"Target": call.parameters["Target"], "Status": status}

    def _describe_instance_information(self, call: Call) -> dict[str, Any]:
        if "InstanceInformationFilterList" in call.parameters:
            raise ServiceError(_INVALID, "The lab has no InstanceInformationFilterList: use Filters.")
        ids = _asked_ids(call.parameters.get("Filters", []))
        known = [*(each.instance_id for each in (*seed.INSTANCES, *self._cloud.crowd)), *seed.MANAGED_NODES]
        found = [
            information
            for each in dict.fromkeys([*known, *self.agents])
            if call.region == seed.REGION and (ids is None or each in ids)
            for information in [self._information(each)]
            if information
        ]
        first = int(call.parameters.get("NextToken", 0))
        last = first + call.parameters.get("MaxResults", _AGENTS_OF_A_PAGE)
        more = {"NextToken": str(last)} if last < len(found) else {}
        return {"InstanceInformationList": found[first:last], **more}

    def _information(self, target: str) -> dict[str, Any] | None:
        """Return what the service says of an agent, None if it knows none: of a stopped instance it says nothing."""
        told = self.agents.get(target, {})
        instance = self._cloud.instance(seed.REGION, target)
        is_node = target in seed.MANAGED_NODES
        if told is None or not (is_node or (instance is not None and instance.state == "running")):
            return None
        return {
            "InstanceId": target,
            "PingStatus": "ConnectionLost" if target in self.silent_agents else "Online",
            "LastPingDateTime": time.time(),
            "AgentVersion": "3.3.3050.0",
            "IsLatestVersion": True,
            "PlatformType": "Linux",
            "PlatformName": "Amazon Linux",
            "PlatformVersion": "2023",
            "ResourceType": "ManagedInstance" if is_node else "EC2Instance",
            "IPAddress": str(instance.private_ip) if instance else "127.0.0.1",
            "ComputerName": f"{target}.lab.invalid",
            **told,
        }


_INVALID = "ValidationException"
_AGENTS_OF_A_PAGE = 50
_MOST_VALUES = 100
_ID = re.compile(r"i-(\w{8}|\w{17})|mi-\w{17}", re.ASCII)


def _asked_ids(filters: list[dict[str, Any]]) -> list[str] | None:
    """Return the ids of a filter, None without one; raise ServiceError for any other filter."""
    if not filters:
        return None
    if len(filters) > 1 or filters[0].get("Key") != "InstanceIds":
        code = "InvalidFilterKey"
        raise ServiceError(code, "The lab has only the filter InstanceIds.")
    ids = filters[0].get("Values", [])
    if not 1 <= len(ids) <= _MOST_VALUES:
        raise ServiceError(_INVALID, f"A filter takes 1 to {_MOST_VALUES} values.")
    wrong = [each for each in ids if not _ID.fullmatch(each)]
    if wrong:
        code = "InvalidInstanceInformationFilterValue"
        raise ServiceError(code, f"{wrong[0]} is no id.")
    return list(ids)


def _asked_port(parameters: object) -> int:
    """Return the port of a StartSession, by default that of ssh; raise ServiceError if it is none."""
    code = "ValidationException"
    given = {} if parameters is None else parameters
    is_map = isinstance(given, dict) and all(
        isinstance(values, list) and all(isinstance(value, str) for value in values) for values in given.values()
    )
    if not isinstance(given, dict) or not is_map:
        serialization = "SerializationException"
        raise ServiceError(serialization, "Parameters is not a map of lists of strings.")
    if set(given) - {"portNumber"}:
        raise ServiceError(code, f"The document {_DOCUMENT} takes only the parameter portNumber.")
    values = given.get("portNumber", [str(_SSH_PORT)])
    if len(values) != 1 or not _PORT.fullmatch(values[0]) or int(values[0]) > _LARGEST_PORT:
        raise ServiceError(code, f"The parameter portNumber is not one port: {values}.")
    return int(values[0])
