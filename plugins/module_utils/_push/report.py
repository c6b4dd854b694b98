# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The results of modules that push a key. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, result_of_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import KEY_LIFETIME, PushOutcome
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, Report, count_and_name


def report_pushes(
    outcomes: Sequence[PushOutcome],
    key: PublicKey,
    warnings: Sequence[str],
    *,
    single: bool,
    now: float,
    region: Region | None = None,
) -> Report:
    """Turn the outcomes of a run, or of a plan, into the module's report.

    single: whether the task named one target; then that target's fields are also at the top level.
    now: the end of the run, in seconds since the epoch. region: the region of the targets, None if unknown.
    """
    results = [_result(outcome) for outcome in outcomes]
    result: dict[str, Any] = {
        **(results[0] if single else {}),
        "changed": any(outcome.changed for outcome in outcomes),
        "key": result_of_key(key),
        "expires_at": min((entry["expires_at"] for entry in results if entry["expires_at"]), default=None),
        "targets": results,
        **({"region": region.name, "region_source": region.source} if region else {}),
    }
    failed = [
        (f"{outcome.target.instance_id} ({outcome.target.door})", outcome.error)
        for outcome in outcomes
        if outcome.error
    ]
    failure = count_and_name(failed, len(outcomes), "targets", region) if failed else None
    if not outcomes:
        result["msg"] = _NOTHING_TO_DO
    # A warning about this host is the same for every target.
    own_warnings = dict.fromkeys(outcome.warning for outcome in outcomes if outcome.warning)
    return Report(result, [*warnings, *own_warnings, *_too_late(outcomes, now)], failure)


_NOTHING_TO_DO = "targets is an empty list, so no key was pushed. This is not an error: a group may have no hosts."


def _too_late(outcomes: Sequence[PushOutcome], now: float) -> list[str]:
    """Return a warning if keys that this run pushed have already expired."""
    pushes = [outcome.lease.pushed_at for outcome in outcomes if outcome.changed and outcome.lease]
    ended = [pushed_at for pushed_at in pushes if pushed_at + KEY_LIFETIME <= now]
    if not ended:
        return []
    return [
        (
            f"The pushes took {now - min(pushes):.0f} seconds, and a key lives {KEY_LIFETIME}: at {len(ended)} of "
            f"{len(pushes)} targets it has already expired. Push to fewer targets at a time, for example with serial "
            "in the play, and connect to them before the next ones."
        )
    ]


def _result(outcome: PushOutcome) -> dict[str, Any]:
    lease = outcome.lease
    result: dict[str, Any] = {
        **outcome.target.result(),
        "changed": outcome.changed,
        "success": outcome.error is None,
        "request_id": lease.request_id if lease else None,
        "pushed_at": _iso(lease.pushed_at) if lease else None,
        "expires_at": _iso(lease.pushed_at + KEY_LIFETIME) if lease else None,
    }
    if outcome.error:
        result["error"] = outcome.error.result()
    return result


def _iso(seconds: float) -> str:
    """Write seconds since the epoch as ISO 8601 in UTC, rounded down, which errs on the safe side."""
    return datetime.fromtimestamp(int(seconds), tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
