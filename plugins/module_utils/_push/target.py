# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The targets of a push. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown

# Patterns of the service model of EC2 Instance Connect (botocore, 2018-04-02).
_INSTANCE_ID = re.compile(r"i-[a-f0-9]{8,30}")
_OS_USER = re.compile(
    r"[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?|(?=.{2,32}$)[0-9]{1,32}[A-Za-z@._-][A-Za-z0-9@._-]*[A-Za-z0-9$_-]?"
)
_AVAILABILITY_ZONE = re.compile(r"(?=.{6,32}$)(\w+-){2,3}\d+\w+", re.ASCII)


def check_instance_id(instance_id: str) -> None:
    """Raise ArgumentError unless this is the id of an EC2 instance."""
    if not _INSTANCE_ID.fullmatch(instance_id):
        raise ArgumentError(
            f"instance_id {shown(instance_id)} is not the id of an EC2 instance: it must be 'i-' and "
            "hexadecimal digits, such as i-0123456789abcdef0."
        )


def check_os_user(os_user: str, of: str = "") -> None:
    """Raise ArgumentError unless EC2 Instance Connect accepts this OS user. of: the sentence's end, after a blank."""
    if not _OS_USER.fullmatch(os_user):
        raise ArgumentError(
            f"os_user {shown(os_user)}{of} is not an OS user that EC2 Instance Connect accepts: use 1 to 32 letters, "
            "digits and @ . _ -, not digits alone, and no domain with a backslash."
        )


def check_availability_zone(availability_zone: str, of: str = "") -> None:
    """Raise ArgumentError unless this is an Availability Zone. of: the sentence's end, after a blank."""
    if not _AVAILABILITY_ZONE.fullmatch(availability_zone):
        raise ArgumentError(
            f"availability_zone {shown(availability_zone)}{of} is not an Availability Zone: give one such as "
            "us-east-1a, or omit the option."
        )


@dataclass(frozen=True)
class Target:
    """The target of a push: an OS user of an instance, or its serial console.

    Exactly one of os_user and serial_port is not None.
    Raises ArgumentError if the service's model does not allow a value.
    """

    instance_id: str
    os_user: str | None = None
    availability_zone: str | None = None
    serial_port: int | None = None

    def __post_init__(self) -> None:
        """Check the values against the service's model."""
        check_instance_id(self.instance_id)
        if self.os_user is not None:
            check_os_user(self.os_user, f" for {self.instance_id}")
        if self.availability_zone is not None:
            check_availability_zone(self.availability_zone, f" for {self.instance_id}")
        if self.serial_port not in (None, 0):
            raise ArgumentError(
                f"serial_port is {self.serial_port} for {self.instance_id}, and the only serial port is 0."
            )

    @property
    def door(self) -> str:
        """The access that the key gives on the instance, as text that is unique for each kind of target."""
        return f"serial console {self.serial_port}" if self.os_user is None else f"user {self.os_user}"

    def result(self) -> dict[str, Any]:
        """Return the target's name in a result."""
        if self.os_user is None:
            return {"instance_id": self.instance_id, "serial_port": self.serial_port}
        return {"instance_id": self.instance_id, "os_user": self.os_user, "ssh_options": self.ssh_options()}

    def ssh_options(self) -> list[str]:
        """Return the arguments with which OpenSSH logs in as the OS user, for a list and for a line of arguments.

        No OS user that the service accepts has a character that a shell, shlex or ssh reads as anything but itself: a
        dollar sign is its last character, and ssh, like a shell, expands it only before a name or a brace.
        """
        # Keys of an agent would use up the attempts that sshd allows. Addresses are given out again, ids are not.
        options = (f"User={self.os_user}", "IdentitiesOnly=yes", f"HostKeyAlias={self.instance_id}")
        return [word for option in options for word in ("-o", option)]


def unique_targets(targets: Sequence[Target]) -> list[Target]:
    """Return each target once, in order. Raises ArgumentError if one is given with two Availability Zones."""
    seen: dict[tuple[str, str], Target] = {}
    for target in targets:
        first = seen.setdefault((target.instance_id, target.door), target)
        if first != target:
            raise ArgumentError(
                f"targets has {target.instance_id} ({target.door}) twice, with availability_zone "
                f"{first.availability_zone!r} and {target.availability_zone!r}: keep one of them."
            )
    return list(seen.values())
