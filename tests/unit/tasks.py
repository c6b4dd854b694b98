# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of a playbook on this host, as far as an action plugin sees them."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.template import Templar


def action_of(plugin: Any, name: str, arguments: Mapping[str, Any], **task: Any) -> Any:
    """Return an action plugin as a task with these arguments gets it.

    plugin: its class. name: of the action. task: keywords of the task.
    """
    told = {
        "action": f"sshkeys.aws.{name}",
        "args": dict(arguments),
        "environment": None,
        "check_mode": False,
        "diff": False,
        "async_val": 0,
        "timeout": 0,
        "delegate_to": None,
        "module_defaults": [],
        **task,
    }
    loader = DataLoader()
    connection = connection_loader.get("local", PlayContext(), None)
    return plugin(SimpleNamespace(**told), connection, PlayContext(), loader, Templar(loader=loader), None)
