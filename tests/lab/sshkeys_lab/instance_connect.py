# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 Instance Connect: its refusals, and the keys that an instance holds for a minute."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from uuid import uuid4

from . import model, public_key, seed
from .cloud import is_nitro
from .errors import ServiceError
from .protocol import INSTANCE_CONNECT

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.ec2.models.instances import Instance

    from .clock import LabClock
    from .cloud import Cloud
    from .protocol import Call
    from .settings import Settings


class InstanceConnect:
    """The service, and the keys that are live on each instance."""

    def __init__(self, cloud: Cloud, clock: LabClock, settings: Settings) -> None:
        """Start without live keys."""
        self._cloud = cloud
        self._clock = clock
        self._settings = settings
        self._lock = threading.Lock()
        self._expiry: dict[tuple[str, str], dict[str, float]] = {}
        self.unavailable: set[str] = set()
        self.operations: dict[str, Callable[[Call], dict[str, object]]] = {
            "SendSSHPublicKey": self._send_ssh_public_key,
            "SendSerialConsoleSSHPublicKey": self._send_serial_console_ssh_public_key,
        }

    def active_keys(self, instance_id: str, os_user: str) -> list[str]:
        """Return the live key lines in the instance's metadata; none unless it is running."""
        instance = self._cloud.instance(seed.REGION, instance_id)
        if instance is None or instance.state != "running":
            return []
        with self._lock:
            keys = self._expiry.get((instance_id, os_user), {})
            return [line for line, expires in keys.items() if expires > self._clock.now()]

    def clear(self) -> None:
        """Forget all live keys, and make all instances available."""
        with self._lock:
            self._expiry.clear()
            self.unavailable.clear()

    def _send_ssh_public_key(self, call: Call) -> dict[str, object]:
        line = self._valid_key(call)
        instance = self._ready_instance(call)
        zone = call.parameters.get("AvailabilityZone")
        if zone is not None and zone != instance.availability_zone:
            code = "InvalidArgsException"
            raise ServiceError(code, f"The instance {instance.id} is not in the Availability Zone {zone}.")
        with self._lock:
            keys = self._expiry.setdefault((instance.id, call.parameters["InstanceOSUser"]), {})
            keys[line] = self._clock.now() + self._settings.key_lifetime
        return {"RequestId": str(uuid4()), "Success": True}

    def _send_serial_console_ssh_public_key(self, call: Call) -> dict[str, object]:
        self._valid_key(call)
        if not self._settings.serial_console_access:
            code = "SerialConsoleAccessDisabledException"
            raise ServiceError(code, "Your account is not authorized to use the EC2 serial console.")
        instance = self._ready_instance(call)
        if not is_nitro(instance):
            code = "EC2InstanceTypeInvalidException"
            raise ServiceError(code, f"The instance type {instance.instance_type} has no serial console.")
        return {"RequestId": str(uuid4()), "Success": True}

    @staticmethod
    def _valid_key(call: Call) -> str:
        code = "InvalidArgsException"
        model.check(INSTANCE_CONNECT, call.operation, call.parameters, code=code)
        line: str = call.parameters["SSHPublicKey"].strip()
        try:
            public_key.parse(line)
        except ValueError as error:
            raise ServiceError(code, f"The SSH public key is invalid: {error}.") from error
        return line

    def _ready_instance(self, call: Call) -> Instance:
        instance_id = call.parameters["InstanceId"]
        instance = self._cloud.instance(call.region, instance_id)
        if instance is None:
            code = "EC2InstanceNotFoundException"
            raise ServiceError(code, f"The instance {instance_id} does not exist.")
        if instance.state != "running":
            code = "EC2InstanceStateInvalidException"
            raise ServiceError(code, f"The instance {instance_id} is {instance.state}; it must be running.")
        if instance_id in self.unavailable:
            code = "EC2InstanceUnavailableException"
            raise ServiceError(code, f"The instance {instance_id} is currently unavailable. Wait a few minutes.")
        return instance
