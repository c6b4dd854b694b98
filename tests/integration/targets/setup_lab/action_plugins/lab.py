# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that asks the lab for something. It starts no module, which would take longer than all that the lab does."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

_SECONDS = 30


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """``path`` below the control API (tests/lab/README.md), ``method`` (POST), and ``body``, which is sent as JSON."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make the request. Returns what the lab answers as ``json``."""
        super().run(tmp, task_vars)
        _options, asked = self.validate_argument_spec(
            {
                "path": {"type": "str", "required": True},
                "method": {"type": "str", "default": "POST"},
                "body": {"type": "dict"},
            }
        )
        lab = self._templar.template((task_vars or {})["lab"])
        request = Request(
            f"{lab['control_url']}/{asked['path']}",
            method=asked["method"],
            headers={"X-Lab-Key": lab["access_key"], "Content-Type": "application/json"},
            data=json.dumps(asked["body"]).encode() if asked["body"] else None,
        )
        try:
            with urlopen(request, timeout=_SECONDS) as answer:
                return {"changed": False, "json": json.load(answer)}
        except HTTPError as error:
            raise AnsibleActionFail(f"The lab refuses {asked['path']}: {error.read().decode()}") from error
