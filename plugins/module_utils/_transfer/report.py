# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The results of modules about the keys of Transfer users. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, Report
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import HeldKey, KeysOutcome
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import ReadUser
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_results import report_outcomes, report_read


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
    report = report_outcomes(server_id, outcomes, _result, _text, single=single, region=region)
    told = [outcome.warning for outcome in outcomes if outcome.warning]
    return replace(report, warnings=[*warnings, *told])


def report_read_keys(server_id: str, users: Sequence[ReadUser], now: datetime, region: Region | None = None) -> Report:
    """Turn the keys of users into the info module's report.

    now: the moment, with a time zone, up to which the age of keys is counted. region: of the server, None if unknown.
    """
    return report_read(server_id, users, partial(_keys_of_read, now=now), region)


def _keys_of_read(read: ReadUser, now: datetime) -> dict[str, Any]:
    keys = results_of_keys(read.user.keys, now) if read.user else None
    return {"user_name": read.user_name, "ssh_public_keys": keys}


def results_of_keys(keys: Sequence[HeldKey] | None, now: datetime | None = None) -> list[dict[str, Any]] | None:
    """Return keys for a result, with their age up to ``now``, in an order that depends on no date."""
    if keys is None:
        return None
    # A planned key has neither id nor date, and check mode must return keys in the order of the real run.
    ordered = sorted(keys, key=lambda key: (key.key is None, key.label, key.body, key.id or ""))
    return [{**key.result(), **({"age_days": key.age_days(now)} if now else {})} for key in ordered]


def _result(outcome: KeysOutcome) -> dict[str, Any]:
    return {
        "user_name": outcome.user_name,
        "changed": outcome.changed,
        "ssh_public_keys": results_of_keys(outcome.after),
        "imported": results_of_keys(outcome.imported),
        "deleted": results_of_keys(outcome.deleted),
    }


def _text(keys: Sequence[HeldKey] | None) -> str:
    return "".join(sorted(f"{key.label}\n" for key in keys or ()))
