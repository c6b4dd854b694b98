# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two kinds of refusal: one for the person who runs the lab, one for a client of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class LabError(Exception):
    """The lab cannot carry out a command; the text is one sentence for its user."""


class ServiceError(Exception):
    """A service's refusal, put on the wire by `protocol.error_answer`."""

    def __init__(
        self, code: str, message: str, *, status: int = 400, members: Mapping[str, object] | None = None
    ) -> None:
        """Set the error `code`, the `message`, the HTTP `status` and further `members` of the error's shape."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})
