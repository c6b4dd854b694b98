# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The results of transfer_user and transfer_user_info. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, Report
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import HeldKey, labels
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.report import results_of_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import ReadUser, User, read_policy
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_plan import UserOutcome
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_results import report_outcomes, report_read

# The fields of a user in a result, in the order of the documentation.
_FIELDS = (
    "arn",
    "role_arn",
    "home_directory",
    "home_directory_type",
    "home_directory_mappings",
    "policy",
    "posix_profile",
    "tags",
)


def report_users(
    server_id: str,
    outcomes: Sequence[UserOutcome],
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
    told = [warning for outcome in outcomes for warning in outcome.warnings]
    gone = " ".join(filter(None, (_of_absent(outcome) for outcome in outcomes)))
    if gone and report.failure:
        return replace(report, warnings=[*warnings, *told], failure=f"{report.failure} {gone}")
    message = {"msg": gone} if gone else {}
    return replace(report, result={**report.result, **message}, warnings=[*warnings, *told])


def _of_absent(outcome: UserOutcome) -> str:
    """Return what went with a user that does not exist any more, as a sentence; empty if that was not asked for."""
    user = outcome.before
    if outcome.error or outcome.after or not outcome.is_known:
        return ""
    if user is None:
        # A misspelt name looks the same.
        return f"There is no user {outcome.user_name}, so there was nothing to delete."
    if not outcome.gone:
        return f"Another client has deleted the user {outcome.user_name}."
    tags = ", ".join(printable(f"{name}={value}") for name, value in sorted(user.tags.items())) or "none"
    return f"With the user {user.user_name} go its keys: {labels(user.keys)}; and its tags: {tags}."


def _result(outcome: UserOutcome) -> dict[str, Any]:
    after = outcome.after
    return {
        "user_name": outcome.user_name,
        "changed": outcome.changed,
        "state": ("present" if after else "absent") if outcome.is_known else None,
        "created": outcome.created,
        "updated": list(outcome.updated),
        **(_of_user(after) if after and outcome.is_known else dict.fromkeys((*_FIELDS, "ssh_public_keys"))),
        "imported": results_of_keys(outcome.imported),
        "deleted": results_of_keys(outcome.deleted),
        "deleted_user": _of_user(outcome.before) if outcome.gone and outcome.before else None,
    }


def _of_user(user: User, now: datetime | None = None) -> dict[str, Any]:
    """Return the fields and the keys of a user. now: the moment up to which the age of keys is counted."""
    return {
        "arn": user.arn,
        "role_arn": user.role_arn or None,
        "home_directory": user.home_directory,
        "home_directory_type": user.home_directory_type,
        "home_directory_mappings": [mapping.result() for mapping in user.home_directory_mappings],
        "policy": read_policy(user.policy) or {},
        "posix_profile": user.posix_profile.result() if user.posix_profile else None,
        "tags": dict(sorted(user.tags.items())),
        "ssh_public_keys": results_of_keys(user.keys, now),
    }


def report_read_users(server_id: str, users: Sequence[ReadUser], now: datetime, region: Region | None = None) -> Report:
    """Turn users into the info module's report, in a form that transfer_user takes.

    now: the moment, with a time zone, up to which the age of keys is counted. region: of the server, None if unknown.
    """
    return report_read(server_id, users, partial(_result_of_read, now=now), region)


def _result_of_read(read: ReadUser, now: datetime) -> dict[str, Any]:
    if read.user is None:
        nothing = dict.fromkeys((*_FIELDS, "public_keys", "allow_empty", "ssh_public_keys"))
        return {"user_name": read.user_name, **nothing}
    keys = sorted(read.user.keys, key=lambda key: key.label)
    declared = map(_declaration, keys)
    bodies: list[str] | None = [text for text in declared if text is not None]
    if keys and not bodies:
        # An empty list would declare that the user may have no key.
        bodies = None
    fields = _of_user(read.user, now)
    if fields["home_directory_type"] == "LOGICAL" and not fields["home_directory_mappings"]:
        # An empty list would declare PATH.
        fields["home_directory_mappings"] = None
    return {"user_name": read.user_name, **fields, "public_keys": bodies, "allow_empty": not keys}


def _declaration(key: HeldKey) -> str | None:
    """Return what public_keys takes for a key that the service holds, None if it takes no such key.

    That is the stored text, or, if public_keys would read something else in its comment, the key without the comment.
    """
    if key.key is None:
        return None
    for text in (key.body, key.key.line):
        try:
            parse_public_keys(text)
            judge_for_transfer(key.key)
        except PublicKeyError:
            continue
        return text
    return None


def _text(user: User | None) -> str:
    """Return a user for people, a line for each value, so that a diff shows what has changed.

    No value makes a line of its own, or does anything to a terminal.
    """
    if user is None:
        return ""
    mappings = [
        f"home_directory_mappings: {mapping['entry']} -> {mapping['target']} ({mapping['type']})"
        for mapping in sorted(
            (each.result() for each in user.home_directory_mappings), key=lambda mapping: mapping["entry"]
        )
    ]
    profile = user.posix_profile.result() if user.posix_profile else None
    lines = [
        f"role_arn: {user.role_arn}",
        *([f"home_directory: {user.home_directory}"] if user.home_directory else []),
        f"home_directory_type: {user.home_directory_type}",
        *mappings,
        *_policy_lines(user.policy),
        *([f"posix_profile: {json.dumps(profile)}"] if profile else []),
        *(f"tags.{name}: {value}" for name, value in sorted(user.tags.items())),
        *sorted(f"public_keys: {key.label}" for key in user.keys),
    ]
    return "".join(f"{_printable(line)}\n" for line in lines)


def _policy_lines(text: str) -> list[str]:
    policy = read_policy(text)
    if policy is None:
        return []
    if isinstance(policy, str):
        return [f"policy: {policy}"]
    return f"policy: {json.dumps(policy, indent=2, sort_keys=True, ensure_ascii=False)}".split("\n")


def _printable(line: str) -> str:
    """Return a line for people, with its indentation."""
    return " " * (len(line) - len(line.lstrip(" "))) + printable(line)
