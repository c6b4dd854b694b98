# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which profiles need an MFA code."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.mfa import needs_code

MFA = {"role_arn": "arn:aws:iam::123456789012:role/a", "mfa_serial": "arn:aws:iam::123456789012:mfa/alice"}
ROLE = {"role_arn": "arn:aws:iam::123456789012:role/a"}
PROFILES = {
    "keys": {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret"},
    "keys-and-serial": {"aws_access_key_id": "AKIA", "mfa_serial": MFA["mfa_serial"]},
    "careful": {**MFA, "source_profile": "keys"},
    "beyond": {**ROLE, "source_profile": "careful"},
    "plain": {**ROLE, "source_profile": "keys"},
    "ring": {**ROLE, "source_profile": "ring"},
    "web": {**MFA, "web_identity_token_file": "token"},
    "nowhere": {**ROLE, "source_profile": "missing"},
}


@pytest.mark.parametrize(
    ("name", "prompts"),
    [
        ("careful", True),
        ("beyond", True),
        ("keys", False),
        # The serial alone asks for nothing.
        ("keys-and-serial", False),
        ("plain", False),
        ("ring", False),
        ("web", False),
        ("nowhere", False),
        ("missing", False),
    ],
)
def test_a_role_with_an_mfa_device_prompts(name: str, prompts: bool) -> None:
    assert needs_code(PROFILES, name) is prompts
