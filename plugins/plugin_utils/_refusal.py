# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The refusal of private keys on the controller, before the options of a task are used, sent or shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._keys.masking import parts_to_mask
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Refusal, Spec, private_keys, told

try:
    from ansible.module_utils.secrets import register_secrets
except ImportError:
    # Before ansible-core 2.22.
    register_secrets = None

# ansible-core masks credentials in all output itself, so a result needs no masking here.
CORE_MASKS = register_secrets is not None


def refusal(spec: Spec, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the result of a task whose options hold a private key, or a part of one; None if they do not.

    The result has no invocation, which would show the options.
    """
    refusals = private_keys(spec, options)
    if not refusals:
        return None
    _mask(refusals)
    return {"failed": True, "msg": told(refusals)}


def _mask(refusals: Sequence[Refusal]) -> None:
    """Have ansible-core mask private keys in everything that it shows from now on, since 2.22: in loop items, say."""
    if register_secrets:
        register_secrets([part for refused in refusals for part in parts_to_mask(refused.secret)])
