# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The results of modules about the keys of Transfer users. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, Report, count_and_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import HeldKey, KeysOutcome
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import ReadUser


def report_keys(
    server_id: str,
    outcomes: Sequence[KeysOutcome],
    warnings: Sequence[str],
    *,
    single: bool,
    region: Region | None = None,
) -> Report:
    """Turn the outcomes of a run, or of a plan, into the module's report.

    single: whether the task named one user; then that user's fields are also at the top level.
    region: the region of the server, None if unknown.
    """
    users = [_result(outcome) for outcome in outcomes]
    result: dict[str, Any] = {
        **(users[0] if single else {}),
        "changed": any(outcome.changed for outcome in outcomes),
        "server_id": server_id,
        "users": users,
        "diff": _diff(server_id, outcomes[0]) if single else _diffs(server_id, outcomes),
    }
    failed = [(f"{outcome.user_name} on {server_id}", outcome.error) for outcome in outcomes if outcome.error]
    failure = count_and_name(failed, len(outcomes), "users", region) if failed else None
    if not outcomes:
        result["msg"] = NO_USERS.format("users")
    return Report(result, [*warnings, *(outcome.warning for outcome in outcomes if outcome.warning)], failure)


# For the name of the empty option.
NO_USERS = "{} is an empty list, so there is nothing to do, and no call was made to AWS. This is not an error."


def report_read_keys(server_id: str, users: Sequence[ReadUser], now: datetime, region: Region | None = None) -> Report:
    """Turn the keys of users into the info module's report.

    now: the moment, with a time zone, up to which the age of keys is counted. region: of the server, None if unknown.
    """
    failed = [(f"{read.user_name} on {server_id}", read.error) for read in users if read.error]
    failure = count_and_name(failed, len(users), "users", region) if failed else None
    results = [_keys_of_read(read, now) for read in users]
    return Report({"changed": False, "server_id": server_id, "users": results}, (), failure)


def _keys_of_read(read: ReadUser, now: datetime) -> dict[str, Any]:
    keys = results_of_keys(read.user.keys, now) if read.user else None
    result: dict[str, Any] = {"user_name": read.user_name, "ssh_public_keys": keys}
    if read.error:
        result["error"] = read.error.result()
    return result


def results_of_keys(keys: Sequence[HeldKey] | None, now: datetime | None = None) -> list[dict[str, Any]] | None:
    """Return keys for a result, with their age up to ``now``, in an order that depends on no date."""
    if keys is None:
        return None
    # A planned key has neither id nor date, and check mode must return keys in the order of the real run.
    ordered = sorted(keys, key=lambda key: (key.key is None, key.label, key.body, key.id or ""))
    return [{**key.result(), **({"age_days": key.age_days(now)} if now else {})} for key in ordered]


def _result(outcome: KeysOutcome) -> dict[str, Any]:
    result: dict[str, Any] = {
        "user_name": outcome.user_name,
        "changed": outcome.changed,
        "ssh_public_keys": results_of_keys(outcome.after),
        "imported": results_of_keys(outcome.imported),
        "deleted": results_of_keys(outcome.deleted),
    }
    if outcome.error:
        result["error"] = outcome.error.result()
    return result


def _diffs(server_id: str, outcomes: Sequence[KeysOutcome]) -> list[dict[str, str]]:
    return [_diff(server_id, outcome) for outcome in outcomes if outcome.before != outcome.after]


def _diff(server_id: str, outcome: KeysOutcome) -> dict[str, str]:
    header = f"{outcome.user_name} on {server_id}"
    return {
        "before_header": header,
        "after_header": header,
        "before": "".join(sorted(f"{key.label}\n" for key in outcome.before or ())),
        "after": "".join(sorted(f"{key.label}\n" for key in outcome.after or ())),
    }
