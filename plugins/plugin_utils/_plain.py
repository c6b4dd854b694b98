# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of Ansible as plain Python has them.

Since ansible-core 2.19 filters and lookups are handed text and containers of types of its own: with tags, and templated
when they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Return a copy of a value that is made of str, int, float, bool, None, list and dict, to any depth.

    A tuple becomes a list. What is of another type stays as it is.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, Mapping):
        return {plain(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def is_template(value: Any) -> bool:
    """Return whether a templated value is a template still.

    ansible-core 2.18 leaves it as it is if a variable in it is undefined.
    """
    return isinstance(value, str) and ("{{" in value or "{%" in value)
