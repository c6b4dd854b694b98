# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The SSH keys of Transfer Family users: held and wanted make a plan, a plan makes a result and a diff.

Pure. Rules:
- Keys are the same when type and blob are the same; the comment never matters.
- ``present`` adds what is wanted. With ``exclusive`` all that is not wanted goes too. ``absent`` removes.
- With ``replaces`` the keys of these ids go, unless they are wanted.
- A plan lists its imports before its deletions, so that nobody is locked out by a rotation.
- What is planned for a user is what is reported for it; only ids and dates of new keys are unknown before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError, shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import (
    PublicKey,
    read_held_key,
    result_of_key,
    transfer_body,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, Report, count_and_name

# The service model of Transfer Family (botocore, 2018-11-05).
_SERVER_ID = re.compile(r"s-[0-9a-f]{17}")
_USER_NAME = re.compile(r"\w[\w@.-]{2,99}", re.ASCII)
_KEY_ID = re.compile(r"key-[0-9a-f]{17}")
# The ids of moto, with which people test their playbooks: what the info module returned can be given back.
_KEY_ID_OF_MOTO = re.compile(r"s-[0-9a-f]{17}:[^:]+:public_key:[0-9.]+|mock_ssh_public_key_id_.+")


DECLARED_TWICE = "It is declared twice. Put all that is declared for a user into one element."


def is_key_id(text: str) -> bool:
    """Whether a text has the form of the id of a key."""
    return bool(_KEY_ID.fullmatch(text) or _KEY_ID_OF_MOTO.fullmatch(text))


def is_server_id(text: str) -> bool:
    """Whether a text has the form of the id of a Transfer Family server."""
    return bool(_SERVER_ID.fullmatch(text))


def is_user_name(text: str) -> bool:
    """Whether Transfer Family takes a text as the name of a user."""
    return bool(_USER_NAME.fullmatch(text))


def check_server_id(server_id: str) -> None:
    """Raise ArgumentError unless this is the id of a Transfer Family server."""
    if not is_server_id(server_id):
        raise ArgumentError(
            f"server_id {shown(server_id)} is not the id of a Transfer Family server: it must be 's-' and 17 "
            "hexadecimal digits, such as s-01234567890abcdef."
        )


def check_user_name(user_name: str) -> None:
    """Raise ArgumentError unless Transfer Family takes this user name."""
    if not is_user_name(user_name):
        raise ArgumentError(
            f"user_name {shown(user_name)} is not one that Transfer Family takes: use 3 to 100 letters, digits and _ "
            "@ . -, beginning with a letter, a digit or _."
        )


@dataclass(frozen=True)
class Wanted:
    """What a task declares for one user.

    present: whether the keys must be there (state=present) or must not.
    exclusive: with present, whether all other keys must go.
    keys: each key once. key_ids: ids of keys that must go, without present only.
    replaces: ids of keys that must go once keys are there, with present and keys only, and without exclusive.
    Raises ArgumentError where the service's model does not allow a value.
    """

    user_name: str
    present: bool
    exclusive: bool
    keys: tuple[PublicKey, ...]
    key_ids: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the values against the service's model."""
        check_user_name(self.user_name)
        for key_id in self.key_ids:
            if not is_key_id(key_id):
                raise ArgumentError(
                    f"ssh_public_key_ids has {shown(key_id)}, which is not the id of a key: it must be 'key-' and 17 "
                    "hexadecimal digits, as transfer_ssh_key_info returns it."
                )
        self._check_replaces()

    def _check_replaces(self) -> None:
        if not self.replaces:
            return
        if not self.present:
            raise ArgumentError("replaces says which keys make room for new ones, and goes with state=present only.")
        if self.exclusive:
            raise ArgumentError(
                "exclusive=true and replaces contradict each other. Leave replaces out to replace every other key."
            )
        if not self.keys:
            raise ArgumentError(
                "replaces is set, but public_keys has no key to take the place of others. To remove keys, set "
                "state=absent and ssh_public_key_ids."
            )
        for key_id in self.replaces:
            if not is_key_id(key_id):
                raise ArgumentError(
                    f"replaces has {shown(key_id)}, which is not the id of a key. Give one that transfer_ssh_key_info "
                    "returns, such as key-01234567890abcdef."
                )


@dataclass(frozen=True)
class HeldKey:
    """A key of a user.

    id: such as ``key-01234567890abcdef``; None for a key that is not imported yet.
    body: the key as it is stored, with its comment.
    date_imported: when, None for a key that is not imported yet.
    key: the body as a key, None where it cannot be read.
    """

    id: str | None
    body: str
    date_imported: datetime | None
    key: PublicKey | None

    @classmethod
    def stored(cls, key_id: str, body: str, date_imported: datetime | None) -> HeldKey:
        """Make it of what DescribeUser returns."""
        return cls(key_id, body, date_imported, read_held_key(body))

    @classmethod
    def to_come(cls, key: PublicKey) -> HeldKey:
        """Make it of a key that would be imported."""
        body = transfer_body(key)
        return cls(None, body, None, read_held_key(body))

    def is_key(self, key: PublicKey) -> bool:
        """Whether it is this key, whatever the comment."""
        return self.key is not None and self.key.identity == key.identity

    @property
    def label(self) -> str:
        """Fingerprint and comment, for people; the id where the key cannot be read."""
        if self.key is None:
            return f"{self.id} (unreadable)"
        return f"{self.key.fingerprint} {self.key.comment}".rstrip()

    def age_days(self, now: datetime) -> int | None:
        """For how many whole days the user has had it at a moment, None for a key that is not imported yet."""
        # The clock of this host may be behind that of AWS.
        return max(0, (now - self.date_imported).days) if self.date_imported else None

    def result(self) -> dict[str, Any]:
        """Return what a module's result says of it."""
        unknown = {"type": None, "bits": None, "fingerprint": None, "fingerprint_md5": None, "comment": None}
        return {
            "id": self.id,
            "body": self.body,
            **(result_of_key(self.key) if self.key else unknown),
            "date_imported": _iso(self.date_imported) if self.date_imported else None,
        }


@dataclass(frozen=True)
class Outcome:
    """What stands for one user at the end of a run, or would.

    before, after: the keys that the user held and holds; None where they could not be read.
    imported, deleted: what this run did, which is less than the difference when others were at work too.
    error: why the run could not reach what is declared. warning: a sentence, or None.
    """

    user_name: str
    before: tuple[HeldKey, ...] | None
    after: tuple[HeldKey, ...] | None
    imported: tuple[HeldKey, ...] = ()
    deleted: tuple[HeldKey, ...] = ()
    error: ServiceError | None = None
    warning: str | None = None

    @property
    def changed(self) -> bool:
        """Whether this run changed anything, or would; or may have, which the error says then."""
        return bool(self.imported or self.deleted or (self.error and self.error.in_doubt))


@dataclass(frozen=True)
class Plan:
    """What is to be done for one user: first the imports, then the deletions.

    held: the keys of the user, None where the user does not exist.
    """

    wanted: Wanted
    held: tuple[HeldKey, ...] | None
    imports: tuple[PublicKey, ...]
    deletions: tuple[HeldKey, ...]

    @property
    def is_done(self) -> bool:
        """Whether the user exists and is as declared."""
        return self.held is not None and not self.imports and not self.deletions

    @property
    def after(self) -> Outcome:
        """What is foreseen: every step succeeds, and an earlier task makes a user that does not exist."""
        held = self.held or ()
        imported = tuple(HeldKey.to_come(key) for key in self.imports)
        kept = tuple(key for key in held if key not in self.deletions)
        warning = None
        if self.held is None:
            warning = (
                f"The user {self.wanted.user_name} does not exist. Outside check mode this fails, unless an earlier "
                "task makes the user."
            )
        return Outcome(self.wanted.user_name, held, kept + imported, imported, self.deletions, warning=warning)


def plan(held: Sequence[HeldKey] | None, wanted: Wanted) -> Plan:
    """Decide what is to be done for one user.

    held: the keys of the user, None where the user does not exist.
    """
    keys = tuple(held or ())
    if not wanted.present:
        doomed = tuple(key for key in keys if key.id in wanted.key_ids or any(key.is_key(gone) for gone in wanted.keys))
        return Plan(wanted, None if held is None else keys, (), doomed)
    imports = tuple(key for key in wanted.keys if not any(other.is_key(key) for other in keys))
    surplus = tuple(key for key in keys if not any(key.is_key(kept) for kept in wanted.keys))
    replaced = tuple(key for key in surplus if key.id in wanted.replaces)
    return Plan(wanted, None if held is None else keys, imports, surplus if wanted.exclusive else replaced)


def report(
    server_id: str,
    outcomes: Sequence[Outcome],
    warnings: Sequence[str],
    *,
    single: bool,
    region: Region | None = None,
) -> Report:
    """Turn the outcomes of a run, or of a plan, into what the module returns.

    single: whether the task named one user; then that user's fields also stand at the top.
    region: where the server is, if that is known.
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


# The option that is empty is named.
NO_USERS = "{} is an empty list, so there is nothing to do, and AWS was asked for nothing. That is no error."


@dataclass(frozen=True)
class Holding:
    """The keys of a user as they were read; None where they could not be read, and then the error."""

    user_name: str
    keys: tuple[HeldKey, ...] | None
    error: ServiceError | None


def report_holdings(server_id: str, holdings: Sequence[Holding], now: datetime, region: Region | None = None) -> Report:
    """Turn what was read of users into what the info module returns.

    now: with a time zone; the age of the keys is counted up to it. region: where the server is, if that is known.
    """
    users = [_result_of_holding(holding, now) for holding in holdings]
    failed = [(f"{holding.user_name} on {server_id}", holding.error) for holding in holdings if holding.error]
    failure = count_and_name(failed, len(holdings), "users", region) if failed else None
    return Report({"changed": False, "server_id": server_id, "users": users}, (), failure)


def _result_of_holding(holding: Holding, now: datetime) -> dict[str, Any]:
    result: dict[str, Any] = {"user_name": holding.user_name, "ssh_public_keys": _results(holding.keys, now)}
    if holding.error:
        result["error"] = holding.error.result()
    return result


def _results(keys: Sequence[HeldKey] | None, now: datetime | None = None) -> list[dict[str, Any]] | None:
    """Return what a result says of keys, in an order that no id or date decides; with their age up to ``now``."""
    if keys is None:
        return None
    # A key to come has neither id nor date, and check mode must return what the real run returns.
    ordered = sorted(keys, key=lambda key: (key.key is None, key.label, key.body, key.id or ""))
    return [{**key.result(), **({"age_days": key.age_days(now)} if now else {})} for key in ordered]


def _result(outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {
        "user_name": outcome.user_name,
        "changed": outcome.changed,
        "ssh_public_keys": _results(outcome.after),
        "imported": _results(outcome.imported),
        "deleted": _results(outcome.deleted),
    }
    if outcome.error:
        result["error"] = outcome.error.result()
    return result


def _diffs(server_id: str, outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    return [_diff(server_id, outcome) for outcome in outcomes if outcome.before != outcome.after]


def _diff(server_id: str, outcome: Outcome) -> dict[str, str]:
    header = f"{outcome.user_name} on {server_id}"
    return {
        "before_header": header,
        "after_header": header,
        "before": "".join(sorted(f"{key.label}\n" for key in outcome.before or ())),
        "after": "".join(sorted(f"{key.label}\n" for key in outcome.after or ())),
    }


def _iso(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC, to the second."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
