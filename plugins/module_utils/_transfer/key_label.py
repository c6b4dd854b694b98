# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The name of a user's key in sentences and lists. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence


def label(key: Mapping[str, Any]) -> str:
    """Return the fingerprint and the comment of a key, or its id where AWS holds something that is no key.

    key: with id, fingerprint and comment, as transfer_ssh_key and transfer_ssh_key_info return it.
    """
    if not key["fingerprint"]:
        return f"{key['id']} (unreadable)"
    return f"{key['fingerprint']} {key['comment'] or ''}".rstrip()


def labels(keys: Sequence[Mapping[str, Any]]) -> str:
    """Return the names of several keys, with commas between them."""
    return ", ".join(map(label, keys))
