# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reason of a refusal, as its wording tells it, decides what to do."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, hint_for
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_errors import with_hint


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("Operation not supported for servers with identity provider type API_GATEWAY", "SERVICE_MANAGED has users"),
        ("Unsupported identity provider: users need SERVICE_MANAGED", "SERVICE_MANAGED has users"),
        ("Unable to assume role arn:aws:iam::1:role/x", "trust policy must allow transfer.amazonaws.com"),
        ("The role does not exist", "the role must exist"),
        ("HomeDirectoryMappings entry must be absolute", "paths are absolute"),
        ("Duplicate Entry / found", "each entry is mapped once"),
        ("Value at 'homeDirectory' failed to satisfy constraint", "paths are absolute"),
        ("Policy is not valid", "Check policy"),
        ("Cannot exceed quota for PolicySize: 2048", "at most 2048 characters"),
        ("Cross-account pass role is not allowed.", "the role must exist in this account"),
        ("Role arn:aws:iam::1:role/user-tags does not exist", "the role must exist in this account"),
        ("PosixProfile is required for EFS", "Check posix_profile"),
        ("The number of tags would exceed the limit of 50", "at most 50 tags"),
        ("Too many tags", "at most 50 tags"),
        ("Tag keys must not begin with aws:", "no name that begins with aws:"),
        ("Exceeded the maximum number of users per server", "as many users as AWS allows"),
        ("Unsupported or invalid SSH public key format", "Check public_keys"),
        ("Something else", "SERVICE_MANAGED), that Transfer Family may assume the role, and that paths are absolute"),
    ],
)
@pytest.mark.parametrize("code", ["InvalidRequestException", "ValidationException"])
def test_the_wording_decides(code: str, message: str, hint: str) -> None:
    assert hint in with_hint(ServiceError(code, message, "Some hint.")).hint


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ThrottlingException", "InternalServiceError"])
def test_the_hint_of_any_other_code_stays(code: str) -> None:
    error = ServiceError(code, "the role of the user", hint_for(code))
    assert with_hint(error) == error or with_hint(error).hint == hint_for(code)


@pytest.mark.parametrize(
    "message",
    [
        "User: x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/x",
        "Cross-account pass role is not allowed.",
    ],
)
def test_a_role_that_may_not_be_passed(message: str) -> None:
    assert "iam:PassRole" in with_hint(ServiceError("AccessDeniedException", message, "Some hint.")).hint
    assert with_hint(ServiceError("AccessDeniedException", "transfer:CreateUser", "Some hint.")).hint == "Some hint."
