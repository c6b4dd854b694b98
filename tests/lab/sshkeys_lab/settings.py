# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the services that a test may change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Checked:
    """Settings that are set by name, as the control API does. A subclass is a dataclass."""

    def update(self, values: Mapping[str, object]) -> None:
        """Set `values` by name; raise ValueError, and change nothing, for an unknown name or a wrong value."""
        known = list(vars(self))
        for name, value in values.items():
            if name not in known:
                msg = f"There is no setting {name}; the settings are {', '.join(known)}."
                raise ValueError(msg)
            wanted, is_right = self._check(name, value)
            if not is_right:
                msg = f"The setting {name} takes {wanted}."
                raise ValueError(msg)
        for name, value in values.items():
            setattr(self, name, value)

    def _check(self, name: str, value: object) -> tuple[str, bool]:
        """Return what a setting takes, and whether `value` is that."""
        raise NotImplementedError


@dataclass
class Settings(Checked):
    """The lab's settings, by default those of a fresh lab.

    key_lifetime: lifetime of a pushed key in seconds; key_quota: maximum number of keys of a Transfer user;
    page_size: maximum number of users on a page of ListUsers; serial_console_access: the account's switch;
    tunnel_limit: maximum number of open connections through the Instance Connect Endpoint;
    unassumable_roles: ARNs of roles that CreateUser and UpdateUser refuse, as if Transfer Family could not assume them;
    late_users: how many calls of DescribeUser do not find a user yet that CreateUser has made;
    overlapping_mappings: whether an Entry of a Transfer user may be below another one.
    """

    key_lifetime: int = 60
    key_quota: int = 10
    page_size: int = 3
    serial_console_access: bool = True
    tunnel_limit: int = 20
    unassumable_roles: list[str] = field(default_factory=list)
    late_users: int = 0
    overlapping_mappings: bool = True

    def _check(self, name: str, value: object) -> tuple[str, bool]:
        if isinstance(getattr(self, name), list):
            return "a list of texts", isinstance(value, list) and all(isinstance(each, str) for each in value)
        if isinstance(getattr(self, name), bool):
            return "true or false", isinstance(value, bool)
        least = 0 if name == "late_users" else 1
        wanted = "a positive number" if least else "a number, 0 or more"
        return wanted, isinstance(value, int) and not isinstance(value, bool) and value >= least
