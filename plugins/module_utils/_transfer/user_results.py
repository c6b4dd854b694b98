# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the results of all modules for Transfer users have in common: an entry and a diff for each user. Pure."""

from __future__ import annotations

from typing import Any, Callable, Protocol, Sequence, TypeVar

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import EMPTY_LIST, Region, Report, count_and_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import ReadUser


class Outcome(Protocol):
    """The state of a user at the end of a run, or the expected one.

    before, after: what a run changes, as it was and is. error: why the user is not as declared.
    """

    @property
    def user_name(self) -> str:
        """The name of the user."""

    @property
    def before(self) -> Any:
        """What was there."""

    @property
    def after(self) -> Any:
        """What is there."""

    @property
    def changed(self) -> bool:
        """Whether the run changed anything."""

    @property
    def error(self) -> ServiceError | None:
        """Why the user is not as declared."""


AnOutcome = TypeVar("AnOutcome", bound=Outcome)


def report_outcomes(
    server_id: str,
    outcomes: Sequence[AnOutcome],
    result_of: Callable[[AnOutcome], dict[str, Any]],
    text_of: Callable[[Any], str],
    *,
    single: bool,
    region: Region | None,
) -> Report:
    """Turn the outcomes of a run, or of a plan, into a module's report, without warnings.

    result_of: returns the entry of a user, without its error. text_of: writes what an outcome has before or after.
    single: whether the task named one user; then that user's fields are also at the top level.
    region: the region of the server, None if unknown.
    """
    users = [_with_error(result_of(outcome), outcome.error) for outcome in outcomes]
    diffs = [_diff(server_id, outcome, text_of) for outcome in outcomes if single or outcome.before != outcome.after]
    result: dict[str, Any] = {
        **(users[0] if single else {}),
        "changed": any(outcome.changed for outcome in outcomes),
        "server_id": server_id,
        "users": users,
        "diff": diffs[0] if single else diffs,
    }
    if not outcomes:
        result["msg"] = EMPTY_LIST.format("users")
    return Report(result, failure=_failure(server_id, outcomes, region))


def report_read(
    server_id: str, users: Sequence[ReadUser], result_of: Callable[[ReadUser], dict[str, Any]], region: Region | None
) -> Report:
    """Turn users that were read into an info module's report. The arguments are those of report_outcomes."""
    results = [_with_error(result_of(read), read.error) for read in users]
    result = {"changed": False, "server_id": server_id, "users": results}
    return Report(result, failure=_failure(server_id, users, region))


def _with_error(result: dict[str, Any], error: ServiceError | None) -> dict[str, Any]:
    return {**result, "error": error.result()} if error else result


def _failure(server_id: str, users: Sequence[Any], region: Region | None) -> str | None:
    failed = [(f"{user.user_name} on {server_id}", user.error) for user in users if user.error]
    return count_and_name(failed, len(users), "users", region) if failed else None


def _diff(server_id: str, outcome: Outcome, text_of: Callable[[Any], str]) -> dict[str, str]:
    header = f"{outcome.user_name} on {server_id}"
    return {
        "before_header": header,
        "after_header": header,
        "before": text_of(outcome.before),
        "after": text_of(outcome.after),
    }
