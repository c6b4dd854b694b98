# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module of this name, in the worker where it would run on the controller anyway: see plugin_utils/_action."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from ansible_collections.sshkeys.aws.plugins.modules import ec2_instance_connect_key
from ansible_collections.sshkeys.aws.plugins.plugin_utils._action import FastPath


class ActionModule(FastPath):
    """The action ec2_instance_connect_key."""

    module: ClassVar[ModuleType] = ec2_instance_connect_key
