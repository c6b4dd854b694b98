# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The option ``assume_role_arn``: an IAM role to assume. Pure."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown

# The option of every module that calls AWS; the doc fragment ``_role`` documents it. amazon.aws's inventories have the
# same option with the same alias.
ROLE_OPTIONS: dict[str, Any] = {"assume_role_arn": {"type": "str", "aliases": ["iam_role_arn"]}}

# IAM User Guide, "IAM identifiers": a partition, an account of 12 digits, and a name, which may have a path before it.
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)


def check_role_arn(text: str) -> None:
    """Raise ArgumentError unless a text is the ARN of an IAM role."""
    if not _ROLE_ARN.fullmatch(text.strip()):
        raise ArgumentError(
            f"assume_role_arn is {shown(text)}, and must be the ARN of an IAM role, such as "
            "arn:aws:iam::123456789012:role/ssh-access."
        )
