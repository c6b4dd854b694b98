# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The options public_keys, exclusive and allow_empty of the modules for Transfer users."""

from __future__ import annotations

from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import public_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_removal, judge_for_transfer

# The options of a declaration of keys, for a user or for all users of a task.
KEY_OPTIONS: dict[str, Any] = {
    "public_keys": {"type": "raw", "aliases": ["public_key", "ssh_public_key_body"], "no_log": False},
    "exclusive": {"type": "bool"},
    "allow_empty": {"type": "bool"},
}


def declared_keys(
    texts: Any, user_name: str, *, present: bool, allow_empty: bool, unsupported_keys: str
) -> tuple[tuple[PublicKey, ...], list[str]]:
    """Read the value of public_keys for a user. Returns each key once, and warnings.

    present: whether the user must hold the keys. allow_empty: whether a declaration without a key is allowed, with
    ``present`` only. unsupported_keys: as the option has it.
    Raises ArgumentError.
    """
    advice = _ADVICE_FOR_EMPTY[present].format(shown(user_name))
    if_empty = None if present and allow_empty else advice
    judge = judge_for_transfer if present else judge_for_removal
    keys, warnings = public_keys(texts, "public_keys", judge, unsupported_keys=unsupported_keys, if_empty=if_empty)
    if not keys and if_empty is not None:
        raise ArgumentError(f"public_keys is an empty list. {if_empty}")
    return keys, warnings


# By whether the keys must be there.
_ADVICE_FOR_EMPTY = {
    True: (
        "An empty file or a lookup that finds nothing gives the same. If the user {} may have no key, set "
        "allow_empty=true."
    ),
    False: (
        "An empty file or a lookup that finds nothing gives the same, and a key that should go would stay. Give the "
        "keys to remove from the user {}."
    ),
}
