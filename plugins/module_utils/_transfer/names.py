# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The ids and names of Transfer Family, by its service model. Pure."""

from __future__ import annotations

import re

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown

# The service model of Transfer Family (botocore, 2018-11-05).
_SERVER_ID = re.compile(r"s-[0-9a-f]{17}")
_USER_NAME = re.compile(r"\w[\w@.-]{2,99}", re.ASCII)
_KEY_ID = re.compile(r"key-[0-9a-f]{17}")
# The ids of moto, which people use to test their playbooks, so that the info module's results are valid options.
_KEY_ID_OF_MOTO = re.compile(r"s-[0-9a-f]{17}:[^:]+:public_key:[0-9.]+|mock_ssh_public_key_id_.+")


def is_key_id(text: str) -> bool:
    """Return whether a text has the form of a key id."""
    return bool(_KEY_ID.fullmatch(text) or _KEY_ID_OF_MOTO.fullmatch(text))


def is_server_id(text: str) -> bool:
    """Whether a text has the form of the id of a Transfer Family server."""
    return bool(_SERVER_ID.fullmatch(text))


def is_user_name(text: str) -> bool:
    """Whether Transfer Family accepts a text as the name of a user."""
    return bool(_USER_NAME.fullmatch(text))


def check_key_id(key_id: str) -> None:
    """Raise ArgumentError unless this is valid in ssh_public_key_ids."""
    if not is_key_id(key_id):
        raise ArgumentError(
            f"ssh_public_key_ids has {shown(key_id)}, which is not the id of a key: it must be 'key-' and 17 "
            "hexadecimal digits, as transfer_ssh_key_info returns it."
        )


def check_replaced_id(key_id: str) -> None:
    """Raise ArgumentError unless this is valid in replaces."""
    if not is_key_id(key_id):
        raise ArgumentError(
            f"replaces has {shown(key_id)}, which is not the id of a key. Give one that transfer_ssh_key_info "
            "returns, such as key-01234567890abcdef."
        )


def check_server_id(server_id: str) -> None:
    """Raise ArgumentError unless this is the id of a Transfer Family server."""
    if not is_server_id(server_id):
        raise ArgumentError(
            f"server_id {shown(server_id)} is not the id of a Transfer Family server: it must be 's-' and 17 "
            "hexadecimal digits, such as s-01234567890abcdef."
        )


def check_user_name(user_name: str) -> None:
    """Raise ArgumentError unless Transfer Family accepts this user name."""
    if not is_user_name(user_name):
        raise ArgumentError(
            f"user_name {shown(user_name)} is not one that Transfer Family accepts: use 3 to 100 letters, digits and _ "
            "@ . -, beginning with a letter, a digit or _."
        )
