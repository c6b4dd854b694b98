# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API below /lab/: a test reads the journal, moves the clock and makes the services misbehave."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from . import seed
from .cloud import STATES, set_state
from .errors import ServiceError
from .faults import Fault
from .protocol import json_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .front import Services
    from .protocol import Answer, Request


_LARGEST_CROWD = 1000


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{what} must be a number of seconds."
        raise ValueError(msg)
    return value


def _list(body: dict[str, Any], name: str) -> list[Any]:
    value = body.get(name)
    if not isinstance(value, list):
        msg = f"The body must be an object with the list {name}."
        raise ValueError(msg)
    return value


def _close_code(body: dict[str, Any], what_ends: str) -> tuple[int | None, str]:
    code, reason = body.get("code"), body.get("reason", "")
    if not isinstance(code, int | None) or not isinstance(reason, str):
        msg = f"{what_ends} with code (a number, or null to break the connection) and reason (text)."
        raise ValueError(msg)
    return code, reason


class Control:
    """The routes of the control API. All answer in JSON; a mistake has status 400 or 404 and {"error": a sentence}."""

    def __init__(self, services: Services) -> None:
        """Control `services`."""
        self._services = services
        self._routes: list[tuple[str, str, Callable[..., object]]] = [
            ("POST", "reset", self._reset),
            ("GET", "requests", self._requests),
            ("DELETE", "requests", self._clear_requests),
            ("GET", "clock", self._clock),
            ("POST", "clock", self._advance),
            ("GET", "settings", self._settings),
            ("PUT", "settings", self._change_settings),
            ("GET", "faults", self._faults),
            ("PUT", "faults", self._replace_faults),
            ("DELETE", "faults", self._clear_faults),
            ("GET", "instances/([^/]+)", self._instance),
            ("PUT", "instances/([^/]+)", self._change_instance),
            ("POST", "crowd", self._start_crowd),
            ("POST", "sessions/end", self._end_sessions),
            ("GET", "sessions", self._sessions),
            ("POST", "sessions/close", self._close_sessions),
            ("GET", "session_manager", self._session_manager),
            ("PUT", "session_manager", self._change_session_manager),
            ("PUT", "managed_nodes/([^/]+)", self._change_managed_node),
            ("PUT", "agents/([^/]+)", self._change_agent),
            ("GET", "endpoints", self._endpoints),
            ("PUT", "endpoints", self._replace_endpoints),
            ("POST", "tunnels/end", self._end_tunnels),
            ("GET", "transfer/servers/([^/]+)", self._server),
            ("PUT", "transfer/servers/([^/]+)", self._change_server),
            ("POST", "transfer/users", self._create_user),
            ("GET", "transfer/users/([^/]+)", self._user),
            ("PUT", "transfer/users/([^/]+)", self._change_user),
            ("DELETE", "transfer/users/([^/]+)", self._delete_user),
        ]

    def answer(self, request: Request) -> Answer:
        """Answer a request whose path begins with /lab/."""
        path = request.path.removeprefix("/lab/").rstrip("/")
        for method, pattern, route in self._routes:
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                return self._run(route, request, [unquote(part) for part in found.groups()])
        return self._error(404, f"The control API has no {request.method} /lab/{path}; see README.md in tests/lab.")

    def _run(self, route: Callable[..., object], request: Request, names: list[str]) -> Answer:
        try:
            body = json.loads(request.body or b"{}")
            if not isinstance(body, dict):
                return self._error(400, "The body must be a JSON object.")
            return json_answer(route(body, *names), content_type="application/json")
        except ValueError as error:
            return self._error(400, str(error))
        except ServiceError as error:
            status = 404 if error.code == "ResourceNotFoundException" else 409
            return self._error(status, f"{error.message}: {error.members.get('Resource')}.")

    @staticmethod
    def _error(status: int, sentence: str) -> Answer:
        return json_answer({"error": sentence}, status=status, content_type="application/json")

    def _reset(self, _body: dict[str, Any]) -> object:
        self._services.reset()
        return {}

    def _requests(self, _body: dict[str, Any]) -> object:
        return {"requests": self._services.journal.read()}

    def _clear_requests(self, _body: dict[str, Any]) -> object:
        self._services.journal.clear()
        return {"requests": []}

    def _clock(self, _body: dict[str, Any]) -> object:
        return {"now": self._services.clock.now(), "offset": self._services.clock.offset}

    def _advance(self, body: dict[str, Any]) -> object:
        self._services.clock.advance(_number(body.get("advance"), "advance"))
        return self._clock(body)

    def _settings(self, _body: dict[str, Any]) -> object:
        return vars(self._services.settings)

    def _change_settings(self, body: dict[str, Any]) -> object:
        self._services.settings.update(body)
        return self._settings(body)

    def _faults(self, _body: dict[str, Any]) -> object:
        return {"faults": self._services.faults.read()}

    def _replace_faults(self, body: dict[str, Any]) -> object:
        self._services.faults.replace([Fault.from_json(fault) for fault in _list(body, "faults")])
        return self._faults(body)

    def _clear_faults(self, body: dict[str, Any]) -> object:
        self._services.faults.replace([])
        return self._faults(body)

    def _instance(self, _body: dict[str, Any], instance_id: str) -> object:
        instance = self._services.cloud.instance(seed.REGION, instance_id)
        if instance is None:
            msg = f"There is no instance {instance_id}."
            raise ValueError(msg)
        unavailable = instance_id in self._services.instance_connect.unavailable
        agent = instance_id not in self._services.ssm.silent_agents
        return {"instance_id": instance_id, "state": instance.state, "unavailable": unavailable, "agent": agent}

    def _change_instance(self, body: dict[str, Any], instance_id: str) -> object:
        instance = self._services.cloud.instance(seed.REGION, instance_id)
        known = {"state", "unavailable", "console", "agent"}
        if set(body) - known or body.get("state", "running") not in STATES:
            msg = (
                "An instance takes unavailable and agent (true or false), console (text) and state "
                f"({', '.join(STATES)})."
            )
            raise ValueError(msg)
        if instance is not None and "state" in body:
            set_state(instance, body["state"])
        if instance is not None and "console" in body:
            self._services.ec2.consoles[instance_id] = str(body["console"])
        if instance is not None and "unavailable" in body:
            flagged = self._services.instance_connect.unavailable
            (flagged.add if body["unavailable"] else flagged.discard)(instance_id)
        if instance is not None and "agent" in body:
            silent = self._services.ssm.silent_agents
            (silent.discard if body["agent"] else silent.add)(instance_id)
        return self._instance(body, instance_id)

    def _start_crowd(self, body: dict[str, Any]) -> object:
        count = body.get("count")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= _LARGEST_CROWD:
            msg = f"count must be a number of instances, 1 to {_LARGEST_CROWD}."
            raise ValueError(msg)
        crowd = self._services.cloud.start_crowd(count)
        console = self._services.ec2.consoles[seed.INSTANCES[0].instance_id]
        for each in crowd:
            self._services.ec2.consoles[each.instance_id] = console
        return {"instances": [self._crowd_member(each.instance_id) for each in crowd]}

    def _crowd_member(self, instance_id: str) -> dict[str, object]:
        instance = self._services.cloud.instance(seed.REGION, instance_id)
        return {"instance_id": instance_id, "private_ip_address": instance.private_ip if instance else None}

    def _end_sessions(self, _body: dict[str, Any]) -> object:
        self._services.end_sessions()
        return {}

    def _sessions(self, _body: dict[str, Any]) -> object:
        channels = self._services.ssm.channels
        return {"sessions": channels.describe() if channels else []}

    def _close_sessions(self, body: dict[str, Any]) -> object:
        code, reason = _close_code(body, "Sessions close")
        channels = self._services.ssm.channels
        return {"closed": channels.close(code, reason) if channels else 0}

    def _session_manager(self, _body: dict[str, Any]) -> object:
        return vars(self._services.session_manager)

    def _change_session_manager(self, body: dict[str, Any]) -> object:
        self._services.session_manager.update(body)
        return self._session_manager(body)

    def _change_managed_node(self, body: dict[str, Any], node_id: str) -> object:
        lines = _list(body, "authorized_keys")
        if node_id not in seed.MANAGED_NODES or not all(isinstance(line, str) for line in lines):
            msg = f"A managed node ({', '.join(seed.MANAGED_NODES)}) takes authorized_keys, a list of lines."
            raise ValueError(msg)
        self._services.ssm.managed_keys[node_id] = lines
        return {"instance_id": node_id, "authorized_keys": lines}

    def _change_agent(self, body: dict[str, Any], target: str) -> object:
        information = body.get("information", False)
        if not isinstance(information, dict | None):
            msg = "An agent takes information: members of DescribeInstanceInformation, or null if it is not registered."
            raise ValueError(msg)
        self._services.ssm.agents[target] = information
        return {"instance_id": target, "information": information}

    def _endpoints(self, _body: dict[str, Any]) -> object:
        return {"endpoints": self._services.ec2.endpoints()}

    def _replace_endpoints(self, body: dict[str, Any]) -> object:
        self._services.ec2.replace_endpoints(_list(body, "endpoints"))
        return self._endpoints(body)

    def _end_tunnels(self, body: dict[str, Any]) -> object:
        code, reason = _close_code(body, "Tunnels end")
        return {"ended": self._services.end_tunnels(code, reason)}

    def _server(self, _body: dict[str, Any], server_id: str) -> object:
        return self._services.transfer_servers.read(seed.REGION, server_id)

    def _change_server(self, body: dict[str, Any], server_id: str) -> object:
        self._services.transfer_servers.change(seed.REGION, server_id, body)
        return self._server(body, server_id)

    def _create_user(self, body: dict[str, Any]) -> object:
        if not isinstance(body.get("user_name"), str):
            msg = "A user needs a user_name."
            raise ValueError(msg)
        server_id = body.get("server_id", seed.SERVER_ID)
        self._services.transfer.create_user(seed.REGION, server_id, body["user_name"])
        return {"server_id": server_id, "user_name": body["user_name"], "keys": []}

    def _user(self, body: dict[str, Any], user_name: str) -> object:
        server_id = body.get("server_id", seed.SERVER_ID)
        profile = self._services.transfer.profile(seed.REGION, server_id, user_name)
        return {"server_id": server_id, "user_name": user_name, "profile": profile}

    def _change_user(self, body: dict[str, Any], user_name: str) -> object:
        server_id = body.get("server_id", seed.SERVER_ID)
        tags = body.get("tags")
        if not isinstance(tags, dict | None):
            msg = "tags must be an object of keys and values."
            raise ValueError(msg)
        answer: dict[str, Any] = {"server_id": server_id, "user_name": user_name}
        if "keys" in body or tags is None:
            keys = [self._key(key, body) for key in _list(body, "keys")]
            self._services.transfer.set_keys(seed.REGION, server_id, user_name, keys)
            answer["keys"] = [text for text, _date in keys]
        if tags is not None:
            self._services.transfer.set_tags(seed.REGION, server_id, user_name, tags)
            answer["tags"] = tags
        return answer

    @staticmethod
    def _key(key: object, body: dict[str, Any]) -> tuple[str, float | None]:
        given = key if isinstance(key, dict) else {"body": key}
        text, date = given.get("body"), given.get("date_imported", body.get("date_imported"))
        if not isinstance(text, str):
            msg = "A key must be its body, or an object with body and date_imported."
            raise ValueError(msg)
        return text, None if date is None else _number(date, "date_imported")

    def _delete_user(self, body: dict[str, Any], user_name: str) -> object:
        self._services.transfer.delete_user(seed.REGION, body.get("server_id", seed.SERVER_ID), user_name)
        return {}
