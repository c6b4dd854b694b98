# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The keys that a Transfer user holds, read from the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_user import held_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import HeldKey

if TYPE_CHECKING:
    from mypy_boto3_transfer import TransferClient


def held_keys(client: TransferClient, server_id: str, user_name: str) -> tuple[HeldKey, ...] | None:
    """Return the keys of a user, or None if the user does not exist. Raises ServiceError."""
    user = held_user(client, server_id, user_name)
    return None if user is None else user.keys
