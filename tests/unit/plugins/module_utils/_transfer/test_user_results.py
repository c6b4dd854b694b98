# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An entry and a diff for each user, and who has failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import ReadUser
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_results import report_outcomes, report_read

ERROR = ServiceError("SomeCode", "It broke", "Run again.")
SERVER = "s-01234567890abcdef"


@dataclass(frozen=True)
class Changed:
    """A user whose value is another than before."""

    user_name: str
    before: int
    after: int
    error: ServiceError | None = None

    @property
    def changed(self) -> bool:
        """Whether it is."""
        return self.before != self.after


def report(*outcomes: Changed, single: bool = False) -> Report:
    """Report outcomes."""

    def result_of(outcome: Changed) -> dict[str, Any]:
        return {"user_name": outcome.user_name, "value": outcome.after}

    return report_outcomes(SERVER, outcomes, result_of, str, single=single, region=None)


def test_one_user() -> None:
    for after in (1, 2):
        told = report(Changed("anna", 1, after), single=True).result
        header = f"anna on {SERVER}"
        assert told["diff"] == {"before_header": header, "after_header": header, "before": "1", "after": str(after)}
        assert (told["changed"], told["value"], told["users"]) == (
            after == 2,
            after,
            [{"user_name": "anna", "value": after}],
        )


def test_many_users_and_a_diff_of_those_who_change() -> None:
    told = report(Changed("anna", 1, 1), Changed("bert", 1, 2), Changed("carl", 1, 1, ERROR))
    assert told.result["changed"]
    assert [each["before_header"] for each in told.result["diff"]] == [f"bert on {SERVER}"]
    assert ["error" in user for user in told.result["users"]] == [False, False, True]
    assert told.failure == f"1 of 3 users failed: carl on {SERVER}: SomeCode: It broke. Run again."


def test_no_users() -> None:
    told = report()
    assert (told.result["changed"], told.result["diff"], told.failure) == (False, [], None)
    assert "users is an empty list" in told.result["msg"]


def test_users_that_were_read() -> None:
    users = [ReadUser("anna", None, None), ReadUser("bert", None, ERROR)]
    told = report_read(SERVER, users, lambda read: {"user_name": read.user_name}, None)
    assert told.result == {
        "changed": False,
        "server_id": SERVER,
        "users": [{"user_name": "anna"}, {"user_name": "bert", "error": ERROR.result()}],
    }
    assert str(told.failure).startswith(f"1 of 2 users failed: bert on {SERVER}: ")
