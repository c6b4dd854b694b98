# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two kinds of refusal: towards the person who runs the lab, and towards a client of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class LabError(Exception):
    """The lab cannot do what was asked; its text is one sentence for the person who asked."""


class ServiceError(Exception):
    """A service's refusal, put on the wire by `protocol.error_answer`."""

    def __init__(
        self, code: str, message: str, *, status: int = 400, members: Mapping[str, object] | None = None
    ) -> None:
        """Refuse with an error `code`, a `message`, an HTTP `status` and further `members` of the error's shape."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})
