# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections!

"""The option of the modules and the connection that assumes an IAM role."""

from __future__ import annotations


class ModuleDocFragment:
    """The option assume_role_arn of the modules, written once."""

    DOCUMENTATION = r"""
options:
  assume_role_arn:
    description:
      - The ARN of an IAM role to assume with the credentials of the task. All calls of the task are then made as this
        role.
      - The role is assumed once for each task, in check mode too, with the session name C(ansible-sshkeys-aws). STS is
        asked in the region of the task, or at O(endpoint_url) if that is set.
      - For an external id, an MFA code or another session name, use a profile with C(role_arn) instead.
      - The modules of C(amazon.aws) do not have this option. In a play that uses them, do not set it in
        C(module_defaults) of the group.
    type: str
    aliases: [iam_role_arn]
    version_added: 0.2.0
"""
