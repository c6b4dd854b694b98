# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A Transfer user, read from the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.transfer import describe_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import HeldKey
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import (
    LOGICAL,
    PATH,
    HomeDirectoryMapping,
    PosixProfile,
    User,
)

if TYPE_CHECKING:
    from mypy_boto3_transfer import TransferClient


def held_user(client: TransferClient, server_id: str, user_name: str) -> User | None:
    """Return a user with its keys, or None if it does not exist. Raises ServiceError."""
    stored = describe_user(client, server_id, user_name)
    if stored is None:
        return None
    mappings = stored.home_directory_mappings if stored.home_directory_type == LOGICAL else ()
    return User(
        user_name,
        stored.arn,
        stored.role,
        home_directory=stored.home_directory,
        home_directory_type=stored.home_directory_type or PATH,
        home_directory_mappings=tuple(HomeDirectoryMapping(*mapping) for mapping in mappings),
        policy=stored.policy,
        posix_profile=PosixProfile(*stored.posix_profile) if stored.posix_profile else None,
        tags=stored.tags,
        keys=tuple(HeldKey.stored(*key) for key in stored.keys),
    )
