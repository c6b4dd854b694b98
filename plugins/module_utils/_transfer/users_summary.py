# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the playbook transfer_users says at its end, in the words of the role. Pure."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import summary
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.ages import Judged


class UsersSummary(NamedTuple):
    """says: lines for people. failures: sentences that say why the playbook fails."""

    says: list[str]
    failures: list[str]


def sum_up_users(
    server_id: str, result: Mapping[str, Any], *, declared: int, check_mode: bool, hints: Sequence[str] = ()
) -> UsersSummary:
    """Return what the playbook says.

    result: of the module transfer_user, also if it has failed. declared: the number of users that the module was given.
    hints: sentences that are worth telling beside a failure.
    """
    users = summary.users_of(result)
    server = {
        "name": server_id,
        "server_id": server_id,
        "region": "",
        "profile": "",
        "user_names": [user["user_name"] for user in users],
        "declared": [],
        "declared_users": [],
    }
    # With failed_when, "failed" says nothing. The sentence about deleted users is no failure.
    has_failed = "users" not in result or any("error" in user for user in users)
    answer = result if has_failed else {"users": users}
    done = summary.server_result(server, summary.Answers(making=answer), Judged([], []), pretends=check_mode)
    says = [summary.headline([done], pretends=check_mode, declared=declared), *summary.lines([done])]
    failures = summary.failures([done])
    return UsersSummary(says, [*failures, *hints] if failures else [])
