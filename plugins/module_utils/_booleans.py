# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Variables of playbooks that are true or false, perhaps as text of the command line. Pure."""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown

# Ansible's filter bool takes a word that it does not know for false.
_BOOLEANS = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("", "0", "f", "false", "n", "no", "off"), False),
}


def as_boolean(value: object) -> bool | None:
    """Return whether a value is true, None if it is neither true nor false. An empty text is false."""
    return _BOOLEANS.get(str(value).strip().lower())


def no_boolean(variable: str, value: object) -> str:
    """Return the refusal of a value that is neither true nor false, or an empty text. variable: its name."""
    return "" if as_boolean(value) is not None else f"{variable} is {shown(str(value))}, and must be true or false."
