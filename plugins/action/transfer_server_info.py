# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of the module of the same name. See plugin_utils/_action.py."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from ansible_collections.sshkeys.aws.plugins.modules import transfer_server_info
from ansible_collections.sshkeys.aws.plugins.plugin_utils._action import ModuleAction


class ActionModule(ModuleAction):
    """The action transfer_server_info."""

    module: ClassVar[ModuleType] = transfer_server_info
