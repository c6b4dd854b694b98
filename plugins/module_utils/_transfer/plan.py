# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The SSH keys of Transfer Family users: the held and the wanted keys make a plan, which makes a result and a diff.

Pure. Rules:
- Keys are the same if type and blob are the same; the comment does not count.
- ``present`` imports wanted keys. ``exclusive`` also deletes all others. ``absent`` deletes.
- ``replaces`` deletes the keys with these ids, unless they are wanted.
- A plan has its imports before its deletions, so that a rotation locks out no user.
- The report of a user equals its plan, except for ids and dates of new keys, which are unknown before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, read_held_key, result_of_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import transfer_body
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.dates import age_days, iso
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import (
    check_key_id,
    check_replaced_id,
    check_user_name,
)


@dataclass(frozen=True)
class WantedKeys:
    """The declaration of a task for one user.

    present: whether the user must hold the keys (state=present) or must not.
    exclusive: with present, whether to delete all other keys.
    keys: each key once. key_ids: ids of keys to delete, only without present.
    replaces: ids of keys to delete after the imports, only with present and keys, and without exclusive.
    Raises ArgumentError if the service's model does not allow a value.
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
            check_key_id(key_id)
        self._check_replaces()

    def _check_replaces(self) -> None:
        if not self.replaces:
            return
        if not self.present:
            raise ArgumentError("replaces names keys that new keys replace, and is allowed only with state=present.")
        if self.exclusive:
            raise ArgumentError(
                "exclusive=true and replaces contradict each other. Omit replaces to replace every other key."
            )
        if not self.keys:
            raise ArgumentError(
                "replaces is set, but public_keys has no key to replace the old ones. To remove keys, set "
                "state=absent and ssh_public_key_ids."
            )
        for key_id in self.replaces:
            check_replaced_id(key_id)


@dataclass(frozen=True)
class HeldKey:
    """A key of a user.

    id: such as ``key-01234567890abcdef``; None for a key that is not imported yet.
    body: the stored text of the key, with its comment.
    date_imported: None for a key that is not imported yet.
    key: the parsed body, None if it cannot be read.
    """

    id: str | None
    body: str
    date_imported: datetime | None
    key: PublicKey | None

    @classmethod
    def stored(cls, key_id: str, body: str, date_imported: datetime | None) -> HeldKey:
        """Make a held key from an answer of DescribeUser."""
        return cls(key_id, body, date_imported, read_held_key(body))

    @classmethod
    def to_come(cls, key: PublicKey) -> HeldKey:
        """Make the held key that an import of ``key`` would give."""
        body = transfer_body(key)
        return cls(None, body, None, read_held_key(body))

    def is_key(self, key: PublicKey) -> bool:
        """Return whether it is this key, regardless of the comment."""
        return self.key is not None and self.key.identity == key.identity

    @property
    def label(self) -> str:
        """Fingerprint and comment, for people; the id if the key cannot be read."""
        if self.key is None:
            return f"{self.id} (unreadable)"
        return f"{self.key.fingerprint} {self.key.comment}".rstrip()

    def age_days(self, now: datetime) -> int | None:
        """Return the whole days from its import to ``now``, None for a key that is not imported yet."""
        return age_days(self.date_imported, now) if self.date_imported else None

    def result(self) -> dict[str, Any]:
        """Return the key as a module's result describes it."""
        unknown = {"type": None, "bits": None, "fingerprint": None, "fingerprint_md5": None, "comment": None}
        return {
            "id": self.id,
            "body": self.body,
            **(result_of_key(self.key) if self.key else unknown),
            "date_imported": iso(self.date_imported) if self.date_imported else None,
        }


@dataclass(frozen=True)
class KeysOutcome:
    """The state of one user at the end of a run, or the expected state.

    before, after: the keys that the user held and holds; None if they could not be read.
    imported, deleted: the changes of this run, which are less than the difference if others changed the user too.
    error: the reason why the user is not as declared. warning: a sentence, or None.
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
        """Whether this run changed anything, or would change it, or may have changed it, as the error says."""
        return bool(self.imported or self.deleted or (self.error and self.error.in_doubt))


@dataclass(frozen=True)
class KeysPlan:
    """The steps for one user: first the imports, then the deletions.

    held: the keys of the user, None if the user does not exist.
    """

    wanted: WantedKeys
    held: tuple[HeldKey, ...] | None
    imports: tuple[PublicKey, ...]
    deletions: tuple[HeldKey, ...]

    @property
    def is_done(self) -> bool:
        """Whether the user exists and is as declared."""
        return self.held is not None and not self.imports and not self.deletions

    @property
    def after(self) -> KeysOutcome:
        """The expected outcome: every step succeeds, and an earlier task creates a missing user."""
        held = self.held or ()
        imported = tuple(HeldKey.to_come(key) for key in self.imports)
        kept = tuple(key for key in held if key not in self.deletions)
        warning = None
        if self.held is None:
            warning = (
                f"The user {self.wanted.user_name} does not exist. Outside check mode this fails, unless an earlier "
                "task creates the user."
            )
        return KeysOutcome(self.wanted.user_name, held, kept + imported, imported, self.deletions, warning=warning)


def plan_keys(held: Sequence[HeldKey] | None, wanted: WantedKeys) -> KeysPlan:
    """Decide the steps for one user.

    held: the keys of the user, None if the user does not exist.
    """
    keys = tuple(held or ())
    if not wanted.present:
        doomed = tuple(key for key in keys if key.id in wanted.key_ids or any(key.is_key(gone) for gone in wanted.keys))
        return KeysPlan(wanted, None if held is None else keys, (), doomed)
    imports = tuple(key for key in wanted.keys if not any(other.is_key(key) for other in keys))
    surplus = tuple(key for key in keys if not any(key.is_key(kept) for kept in wanted.keys))
    replaced = tuple(key for key in surplus if key.id in wanted.replaces)
    return KeysPlan(wanted, None if held is None else keys, imports, surplus if wanted.exclusive else replaced)


def labels(keys: Sequence[HeldKey]) -> str:
    """Return the labels of keys for a sentence, "none" if there is none."""
    return ", ".join(key.label for key in keys) or "none"
