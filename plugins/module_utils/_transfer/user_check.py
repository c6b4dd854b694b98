# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A check of what the role and the files declare for a user, before anything is sent, by the rules of transfer_user."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import faults_of_inner_options
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.key_options import KEY_OPTIONS
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_options import USER_OPTIONS, wanted_user

# The options of a user itself, without its keys.
FIELDS = tuple(name for name in USER_OPTIONS if name not in KEY_OPTIONS and name != "state")

_SPEC = {"user_name": {"type": "str", "required": True}, **{name: USER_OPTIONS[name] for name in FIELDS}}
_NOTHING: dict[str, Any] = {**dict.fromkeys(USER_OPTIONS), "unsupported_keys": "fail"}


def check_fields(user_name: str, fields: Mapping[str, Any]) -> None:
    """Raise ArgumentError unless transfer_user takes these options of a user. fields: by FIELDS, without keys."""
    misfits = faults_of_inner_options(_SPEC, fields)
    if misfits:
        raise ArgumentError(f"{'. '.join(misfits)}.")
    validated = ArgumentSpecValidator(_SPEC).validate({"user_name": user_name, **fields})
    if validated.error_messages:
        raise ArgumentError(" ".join(f"{message.rstrip('.')}." for message in validated.error_messages))
    wanted_user(_NOTHING, {**_NOTHING, **validated.validated_parameters})
