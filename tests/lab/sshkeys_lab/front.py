# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of each request: identify the caller, authorize, record, apply a fault, serve."""

from __future__ import annotations

import re
import secrets
import string
import time
import traceback
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import unquote

from . import model, protocol, seed
from .clock import LabClock
from .cloud import Cloud
from .control import Control
from .ec2 import Ec2
from .errors import ServiceError
from .faults import Faults
from .instance_connect import InstanceConnect
from .journal import Journal
from .protocol import Answer, Delivery
from .settings import Settings
from .ssm import Ssm
from .ssm_settings import SessionManagerSettings
from .transfer import Transfer
from .transfer_servers import TransferServers

if TYPE_CHECKING:
    from collections.abc import Callable

    from .faults import Fault
    from .journal import Entry
    from .protocol import Call, Request

_NO_ANSWER = Answer(0, b"", "", delivery=Delivery.NONE)
_SILENCE = replace(_NO_ANSWER, delivery=Delivery.HANG)
_HTML = Answer(200, b"<html><body>Welcome. Please accept the terms of use.</body></html>", "text/html")

# The client's answer by kind of fault: for calls that take no effect, then for calls that do.
_INSTEAD = {
    "drop": _NO_ANSWER,
    "reset": replace(_NO_ANSWER, delivery=Delivery.RESET),
    "hang": _SILENCE,
    "not_json": _HTML,
}
_LOST = {"lost_answer": _NO_ANSWER, "stall": _SILENCE}


@dataclass(frozen=True)
class Credentials:
    """The one pair of keys that the lab accepts."""

    access_key: str
    secret_key: str

    @classmethod
    def fresh(cls) -> Credentials:
        """Make a new pair. On loopback only the access key keeps other users of the machine out.

        The secret key begins with a recognisable word, so that a search for leaked secrets finds it.
        """
        letters = string.ascii_uppercase + "234567"
        return cls(
            "AKIA" + "".join(secrets.choice(letters) for _index in range(16)), f"labsecret{secrets.token_hex(16)[1:]}"
        )

    def profile(self) -> str:
        """Return the default profile of a credentials file."""
        return f"[default]\naws_access_key_id = {self.access_key}\naws_secret_access_key = {self.secret_key}\n"


class Services:
    """The emulated services, and their state that a test can change."""

    def __init__(self) -> None:
        """Start in the seeded state."""
        self.clock = LabClock()
        self.settings = Settings()
        self.journal = Journal()
        self.faults = Faults()
        self.cloud = Cloud()
        self.instance_connect = InstanceConnect(self.cloud, self.clock, self.settings)
        self.transfer = Transfer(self.cloud, self.clock, self.settings)
        self.transfer_servers = TransferServers(self.cloud, self.settings)
        self.ec2 = Ec2(self.cloud)
        self.session_manager = SessionManagerSettings()
        self.ssm = Ssm(self.cloud)
        # The secret keys that AssumeRole has handed out, by access key.
        self.role_secrets: dict[str, str] = {}
        # Ends all sessions of all sshds. Set when the doors open.
        self.end_sessions: Callable[[], None] = lambda: None
        # Removes all buckets of the storage, and what is in them. Set when the doors open.
        self.empty_storage: Callable[[], None] = lambda: None
        # Ends all tunnels with a code and a reason, and returns their number. Set when the endpoint opens.
        self.end_tunnels: Callable[[int | None, str], int] = lambda _code, _reason: 0
        # Reading a service model takes longer than a call should: read them before the first call.
        model.load(protocol.INSTANCE_CONNECT)
        model.load(protocol.TRANSFER)
        model.load(protocol.SSM)

    def reset(self) -> None:
        """Go back to the seeded state."""
        self.clock.offset = 0.0
        self.settings.update(vars(Settings()))
        self.session_manager.update(vars(SessionManagerSettings()))
        self.faults.replace([])
        self.journal.clear()
        self.role_secrets.clear()
        self.instance_connect.clear()
        self.transfer.clear()
        self.empty_storage()
        self.cloud.reset()
        self.transfer_servers.reset()
        self.ec2.reset()
        self.ssm.reset()

    def serve(self, request: Request, call: Call) -> Answer:
        """Carry out `call` and return its answer."""
        try:
            if call.service == protocol.INSTANCE_CONNECT and call.operation in self.instance_connect.operations:
                return protocol.json_answer(self.instance_connect.operations[call.operation](call))
            for name, service in (
                (protocol.TRANSFER, self.transfer),
                (protocol.TRANSFER, self.transfer_servers),
                (protocol.SSM, self.ssm),
            ):
                if call.service == name and call.operation in service.operations:
                    return protocol.json_answer(service.answer(call))
            if call.service == protocol.EC2 and call.operation in self.ec2.operations:
                return self.ec2.operations[call.operation](call)
        except ServiceError as error:
            return protocol.error_answer(error, uses_json=call.uses_json)
        answer = self.cloud.answer(request)
        if call.operation == "AssumeRole":
            self._accept_role(answer.body.decode())
        return answer

    def _accept_role(self, answer: str) -> None:
        """Accept the credentials that an answer of AssumeRole has."""
        found = [re.search(f"<{name}>(.*?)</{name}>", answer) for name in ("AccessKeyId", "SecretAccessKey")]
        access_key, secret_key = (match[1] if match else "" for match in found)
        if access_key:
            self.role_secrets[access_key] = secret_key


class Front:
    """The entry point of every request."""

    def __init__(self, credentials: Credentials) -> None:
        """Start fresh services that accept only `credentials`."""
        self._credentials = credentials
        self.services = Services()
        self._control = Control(self.services)

    def answer(self, request: Request) -> Answer:
        """Answer any request. The requests of an sshd need no access key: they reveal only public keys."""
        try:
            if request.path.startswith("/lab/"):
                return self._control_answer(request)
            if request.path.startswith(("/instances/", "/managed_nodes/", "/transfer/")):
                return self._keys_for_sshd(request)
            return self._service_answer(request)
        except Exception:  # noqa: BLE001 - the client gets an answer to any failure of moto
            traceback.print_exc()
            return protocol.text_answer("The lab failed; its output says why.", status=500)

    def _is_mine(self, access_key: str) -> bool:
        return compare_digest(access_key.encode(), self._credentials.access_key.encode())

    def _control_answer(self, request: Request) -> Answer:
        if not self._is_mine(request.headers.get("X-Lab-Key", "")):
            sentence = "The header X-Lab-Key must carry the lab's access key id."
            return protocol.json_answer({"error": sentence}, status=403, content_type="application/json")
        return self._control.answer(request)

    def _keys_for_sshd(self, request: Request) -> Answer:
        match [unquote(part) for part in request.path.strip("/").split("/")]:
            case ["instances", instance_id, "latest", "meta-data", "managed-ssh-keys", "active-keys", os_user]:
                lines = self.services.instance_connect.active_keys(instance_id, os_user)
                return protocol.text_answer("".join(f"{line}\n" for line in lines), status=200 if lines else 404)
            case ["instances", instance_id, "authorized-keys", os_user]:
                # The script on a real instance silently drops all other lines.
                active = [
                    line
                    for each in self.services.cloud.behind_door(instance_id)
                    for line in self.services.instance_connect.active_keys(each, os_user)
                ]
                lines = [line for line in dict.fromkeys(active) if line.startswith("ssh")]
                return protocol.text_answer("".join(f"{line}\n" for line in lines))
            case ["managed_nodes", node_id, "authorized-keys", _os_user]:
                lines = self.services.ssm.managed_keys.get(node_id, [])
                return protocol.text_answer("".join(f"{line}\n" for line in lines))
            case ["transfer", server_id, "users", user_name, "authorized-keys"]:
                return self._transfer_keys(server_id, user_name)
            case _:
                return protocol.text_answer("There is nothing here.\n", status=404)

    def _transfer_keys(self, server_id: str, user_name: str) -> Answer:
        try:
            bodies = self.services.transfer.held_keys(seed.REGION, server_id, user_name)
        except ServiceError as error:
            return protocol.text_answer(f"{error.message}\n", status=404)
        return protocol.text_answer("".join(f"{body.strip()}\n" for body in bodies))

    def _service_answer(self, request: Request) -> Answer:
        try:
            call = protocol.read_call(request)
        except ServiceError as error:
            return protocol.error_answer(error, uses_json=True)
        refusal = self._refusal(call)
        if refusal is not None:
            return protocol.error_answer(refusal, uses_json=call.uses_json)
        entry = self.services.journal.record(call)
        started = time.monotonic()
        try:
            answer = self._spoilt_answer(request, call, entry)
            entry.status = answer.status or None
            return answer
        finally:
            entry.seconds = round(time.monotonic() - started, 6)

    def _refusal(self, call: Call) -> ServiceError | None:
        status = 400 if call.uses_json else 403
        if not call.access_key:
            return ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token", status=status)
        if not self._is_mine(call.access_key) and call.access_key not in self.services.role_secrets:
            message = "The security token included in the request is invalid."
            return ServiceError("UnrecognizedClientException", message, status=status)
        return None

    def _spoilt_answer(self, request: Request, call: Call, entry: Entry) -> Answer:
        fault = self.services.faults.take(call)
        if fault is None:
            return self.services.serve(request, call)
        entry.fault = fault.fault
        refusal = fault.error(call.service)
        if refusal is not None:
            return protocol.error_answer(refusal, uses_json=call.uses_json)
        return self._spoil(request, call, fault)

    def _spoil(self, request: Request, call: Call, fault: Fault) -> Answer:
        if fault.fault in _INSTEAD:
            return _INSTEAD[fault.fault]
        answer = self.services.serve(request, call)
        if fault.fault in _LOST:
            return _LOST[fault.fault]
        if fault.fault == "cut":
            return replace(answer, delivery=Delivery.CUT)
        # Only the answer is late: a client that gives up early has still made its change.
        fault.wait()
        return answer
