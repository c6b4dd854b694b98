# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The plan for one Transfer Family user: what differs from its declaration, as steps, and the expected end. Pure.

Rules:
- Only what is declared and differs is changed. What is left out stays.
- A user that is made gets all of its fields, its tags and its first key in one call.
- Fields come before keys: a new key never opens what the declaration has just closed.
- Tags whose names begin with ``aws:`` are AWS's own, and are neither set nor taken away.
- The report of a user equals its plan, except for the ARN, and for ids and dates of new keys, which are unknown before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Iterator, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import HeldKey, KeysPlan, plan_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import (
    LOGICAL,
    PATH,
    User,
    WantedUser,
    same_mappings,
    same_policy,
    same_posix_profile,
)

_KEYS_OF_DELETED = (
    "state=absent deletes the user with all of its keys, although public_keys is given. To take only keys away, use "
    "transfer_ssh_key."
)


@dataclass(frozen=True)
class UserOutcome:
    """The state of one user at the end of a run, or the expected state.

    before, after: the user; None if it did not or does not exist.
    is_known: whether ``after`` was read, or is expected.
    created, gone: whether this run created or deleted the user. updated: the names of the options that it changed.
    imported, deleted: the keys that it imported and deleted, without those of a deleted user.
    warnings: sentences.
    error: the reason why the user is not as declared.
    """

    user_name: str
    before: User | None
    after: User | None
    is_known: bool = True
    created: bool = False
    gone: bool = False
    updated: tuple[str, ...] = ()
    imported: tuple[HeldKey, ...] = ()
    deleted: tuple[HeldKey, ...] = ()
    warnings: tuple[str, ...] = ()
    error: ServiceError | None = None

    @property
    def changed(self) -> bool:
        """Whether this run changed anything, or would change it, or may have changed it, as the error says."""
        has_changed = self.created or self.gone or self.updated or self.imported or self.deleted
        return bool(has_changed or (self.error and self.error.in_doubt))


@dataclass(frozen=True)
class UserPlan:
    """The steps for one user, in this order.

    held: the user, None if it does not exist.
    creation, deletion: whether to create or to delete the user.
    fields: with creation the fields to create it with, otherwise those to change, by the names of User.
    untag, tag: the names of tags to take away, and the tags to set. With creation, ``tag`` is a part of it.
    keys: the steps for the keys, None if no key is declared. With creation, the first import is a part of it.
    """

    wanted: WantedUser
    held: User | None
    creation: bool = False
    deletion: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    untag: tuple[str, ...] = ()
    tag: Mapping[str, str] = field(default_factory=dict)
    keys: KeysPlan | None = None

    @property
    def is_done(self) -> bool:
        """Whether the user is as declared."""
        return not (self.creation or self.deletion or self.updated or (self.keys and not self.keys.is_done))

    @property
    def updated(self) -> tuple[str, ...]:
        """The names of the options of an existing user that the plan changes, sorted."""
        if self.creation:
            return ()
        changed = {*self.fields, *(["tags"] if self.untag or self.tag else [])}
        if self.held and self.held.home_directory_mappings and self.fields.get("home_directory_type") == PATH:
            # The type takes them away.
            changed.add("home_directory_mappings")
        return tuple(sorted(changed))

    @property
    def first_key(self) -> PublicKey | None:
        """The key to create the user with, if any."""
        return self.keys.imports[0] if self.creation and self.keys and self.keys.imports else None

    @property
    def fault(self) -> ServiceError | None:
        """Why the plan cannot be carried out, None if it can."""
        if self.creation and not self.wanted.role_arn:
            return self._no_role
        if self.fields.get("home_directory_type") == LOGICAL and "home_directory_mappings" not in self.fields:
            return ServiceError(
                "InvalidRequestException",
                f"home_directory_type is LOGICAL, and the user {self.wanted.user_name} has no mappings",
                "Give home_directory_mappings, without which the user would see nothing.",
            )
        return None

    @property
    def _no_role(self) -> ServiceError:
        return ServiceError(
            "ResourceNotFoundException",
            f"The user {self.wanted.user_name} does not exist, and no role_arn is given to create it with",
            "Give role_arn, the ARN of the role that controls what the user can read and write. If the user should "
            "exist, check the spelling of its name, and the server.",
            resource_type="User",
        )

    @property
    def outcome(self) -> UserOutcome:
        """The expected outcome: every step succeeds."""
        name = self.wanted.user_name
        if self.fault:
            return UserOutcome(name, self.held, self.held, error=self.fault)
        if not self.wanted.present:
            return UserOutcome(name, self.held, None, gone=self.deletion, warnings=self.warnings)
        keys = self.keys.after if self.keys else None
        after = self._after
        after = replace(after, keys=keys.after or ()) if keys else after
        imported, deleted = (keys.imported, keys.deleted) if keys else ((), ())
        return UserOutcome(
            name,
            self.held,
            after,
            created=self.creation,
            updated=self.updated,
            imported=imported,
            deleted=deleted,
            warnings=self.warnings,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may not be meant: a deletion for a key, an empty value that opens more, a home that leads nowhere."""
        if self.deletion:
            found = [_KEYS_OF_DELETED] if self.wanted.names_keys else []
        else:
            found = [*self._opened, *self._odd_home]
        return tuple(f"The user {self.wanted.user_name}: {sentence}" for sentence in found)

    @property
    def _opened(self) -> Iterator[str]:
        # An expression or a lookup that finds nothing gives an empty value too.
        if self.held and self.wanted.home_directory_mappings == () and "home_directory_type" in self.fields:
            yield "home_directory_mappings is empty, so the user sees the absolute paths of all that its role allows."
        if self.fields.get("policy") == "":
            yield "policy is empty, so the user may do all that its role allows."

    @property
    def _odd_home(self) -> Iterator[str]:
        if not {"home_directory", "home_directory_type", "home_directory_mappings"} & set(self.fields):
            return
        after = self._after
        home = after.home_directory
        entries = [mapping.entry.rstrip("/") for mapping in after.home_directory_mappings]
        # AWS's guide "Implementing logical directories".
        if not home.strip("/"):
            return
        if entries and not any(f"{home}/".startswith(f"{entry}/") for entry in entries):
            yield (
                f"home_directory is {shown(home)}, which is in none of its home_directory_mappings. AWS refuses that. "
                "Set it to an entry or below one, or to an empty text."
            )
        elif self.held and "home_directory_type" in self.fields and "home_directory" not in self.fields:
            where = "that the user sees" if after.home_directory_type == LOGICAL else "in S3 or EFS"
            yield (
                f"home_directory stays {shown(home)}, and is a path {where} from now on. Declare it together with "
                "home_directory_mappings."
            )

    @property
    def _after(self) -> User:
        """The user with the fields and tags of the plan."""
        user = self.held or User(self.wanted.user_name, None, "")
        tags = {name: value for name, value in user.tags.items() if name not in self.untag}
        changed = replace(user, **{**self.fields, "tags": {**tags, **self.tag}})
        # Mappings count with LOGICAL alone.
        return changed if changed.home_directory_type == LOGICAL else replace(changed, home_directory_mappings=())


def plan_user(held: User | None, wanted: WantedUser) -> UserPlan:
    """Decide the steps for one user. held: the user, None if it does not exist."""
    if not wanted.present:
        return UserPlan(wanted, held, deletion=held is not None)
    keys = plan_keys(held.keys if held else (), wanted.keys) if wanted.keys else None
    if held is None:
        return UserPlan(wanted, None, creation=True, fields=_of_new(wanted), tag=_settable(wanted), keys=keys)
    untag, tag = _tags(held.tags, wanted)
    return UserPlan(wanted, held, fields=_differing(held, wanted), untag=untag, tag=tag, keys=keys)


def _of_new(wanted: WantedUser) -> dict[str, Any]:
    """Return the fields to create a user with. What is declared empty is what a new user has anyway."""
    declared = {
        "role_arn": wanted.role_arn,
        "home_directory": wanted.home_directory,
        "home_directory_type": wanted.home_directory_type,
        "home_directory_mappings": wanted.home_directory_mappings,
        "policy": wanted.policy,
        "posix_profile": wanted.posix_profile,
    }
    return {name: value for name, value in declared.items() if value}


def _differing(held: User, wanted: WantedUser) -> dict[str, Any]:
    """Return the declared fields that differ, with their declared values."""
    found: dict[str, Any] = {}
    for name in ("role_arn", "home_directory", "home_directory_type"):
        value = getattr(wanted, name)
        if value is not None and value != getattr(held, name):
            found[name] = value
    mappings = wanted.home_directory_mappings
    # An empty list is taken away by the type PATH: the service accepts no empty list.
    if mappings and not same_mappings(held.home_directory_mappings, mappings):
        found["home_directory_mappings"] = mappings
    if wanted.policy is not None and not same_policy(held.policy, wanted.policy):
        found["policy"] = wanted.policy
    profile = wanted.posix_profile
    if profile is not None and not same_posix_profile(held.posix_profile, profile):
        found["posix_profile"] = profile
    return found


def _tags(held: Mapping[str, str], wanted: WantedUser) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the names of the tags to take away, and the tags to set."""
    if wanted.tags is None:
        return (), {}
    surplus = [name for name in held if name not in wanted.tags and not _is_of_aws(name)]
    tag = {name: value for name, value in _settable(wanted).items() if held.get(name) != value}
    return tuple(sorted(surplus)) if wanted.purge_tags else (), tag


def _settable(wanted: WantedUser) -> dict[str, str]:
    """Return the declared tags that a user of AWS may set."""
    return {name: value for name, value in (wanted.tags or {}).items() if not _is_of_aws(name)}


def _is_of_aws(name: str) -> bool:
    # AWS's guide to tagging: the prefix is reserved in any combination of upper and lower case.
    return name.lower().startswith("aws:")
