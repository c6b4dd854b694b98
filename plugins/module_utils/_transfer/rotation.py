# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Carry out the plan for one Transfer Family user.

Rules:

1. Imports come first and deletions last, so the user can log in with an old or a new key at every moment, unless
   another client deletes keys during the run.
2. If the service refuses an import because the user is full, the oldest key of the deletions is deleted before it. If
   the import is refused again, no other key is deleted for it.
3. A key that exists at its import, or is missing at its deletion, is as declared. Either another client made the
   change, or an attempt of this run whose answer was lost. Only the second counts as a change of this run.
4. If it is unknown whether a call took effect, the user is read again, a few times until the effect shows.
5. The first step that fails for good ends the work on this user. The keys are read back and reported with the error.
6. Transfer Family has no lock for a user, so two runs may change one at the same time. A run that does not find the
   user as declared after its last step begins again. It gives up only if it saw another run's change after that step.
   So a run that gives up never made the last change, and the last run to change a key always reads the user once more:
   the user ends as one of the runs declared. If no change was seen, the run whose key came last begins again first. If
   both runs declare the same key, both may consider it their own; the number of rounds lets them get out of step.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Callable, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, missing_user
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import transfer_body
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_keys import held_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import (
    HeldKey,
    KeysOutcome,
    KeysPlan,
    WantedKeys,
    labels,
    plan_keys,
)

if TYPE_CHECKING:
    from mypy_boto3_transfer import TransferClient

# Reads the keys of a user; None if the user does not exist. Raises ServiceError.
_Read = Callable[[], "tuple[HeldKey, ...] | None"]
# A condition on the keys of a user; None if the user does not exist.
_Condition = Callable[["tuple[HeldKey, ...] | None"], bool]

# Rounds of work on a user that others change at the same time.
_ROUNDS = 5
# Reads, and the pause between them, until a change that AWS accepted counts as lost.
_LOOKS = 4
_SECONDS_BETWEEN_LOOKS = 1.0

_FULL_HINT = (
    "The user holds as many keys as AWS allows. Remove a key, or set replaces or exclusive so that an old key is "
    "deleted first."
)


def rotate(
    client: TransferClient, server_id: str, todo: KeysPlan, wait_timeout: float, read: _Read | None = None
) -> KeysOutcome:
    """Carry out a plan, and return the outcome, which also has the failure, if any.

    wait_timeout: seconds to wait for a user that does not exist yet. read: reads the user, also as the last call; by
    default with DescribeUser.
    """
    if todo.is_done:
        return todo.after
    read = read or partial(held_keys, client, server_id, todo.wanted.user_name)
    deadline = time.monotonic() + wait_timeout
    if todo.held is None:
        try:
            todo = plan_keys(_await_user(read, server_id, todo.wanted, deadline, wait_timeout), todo.wanted)
        except ServiceError as error:
            return KeysOutcome(todo.wanted.user_name, None, None, error=error)
    while True:
        rotation = _Rotation(client, server_id, todo, read)
        try:
            return rotation.run()
        except ServiceError as error:
            # A new user may exist for one call and not yet for the next.
            may_come = error.is_missing_user and not rotation.has_changed_something
            if not may_come or not _sleep_until(deadline):
                return rotation.failed_outcome(error)


def _await_user(
    read: _Read, server_id: str, wanted: WantedKeys, deadline: float, wait_timeout: float
) -> tuple[HeldKey, ...]:
    """Wait for a user that does not exist yet, and return its keys. Raises ServiceError at the deadline."""
    while _sleep_until(deadline):
        held = read()
        if held is not None:
            return held
    raise missing_user(server_id, wanted.user_name, _MISSING_HINTS[wanted.present].format(wait_timeout))


def _sleep_until(deadline: float) -> bool:
    """Sleep for a moment, or return False after the deadline, which is on the clock of time.monotonic."""
    left = deadline - time.monotonic()
    if left <= 0:
        return False
    time.sleep(min(_SECONDS_BETWEEN_LOOKS, left))
    return True


# By whether the keys must be there.
_MISSING_HINTS = {
    True: (
        "Create the user first, for example with transfer_user. If it was created a moment ago, raise wait_timeout, "
        "now {:g} seconds."
    ),
    False: "Check the spelling of the user name, and the server.",
}


class _Rotation:
    """The work on one user: the remaining steps, and the changes of this run."""

    def __init__(self, client: TransferClient, server_id: str, todo: KeysPlan, read: _Read) -> None:
        self._read = read
        self._todo, self._before = todo, todo.held or ()
        self._client, self._server_id, self._user_name = client, server_id, todo.wanted.user_name
        self._imported: list[HeldKey] = []
        self._deleted: list[HeldKey] = []
        self._doomed: list[HeldKey] = []

    @property
    def has_changed_something(self) -> bool:
        """Whether this run has imported or deleted a key."""
        return bool(self._imported or self._deleted)

    def run(self) -> KeysOutcome:
        """Work until the user is as declared, and return the outcome.

        Raises ServiceError at the first step that fails for good, or if the user is still not as declared at the end.
        """
        for _round in range(_ROUNDS):
            self._import_and_delete()
            seen = self._look(self._is_as_declared)
            if self._gives_precedence(seen[-1]):
                seen += self._look(self._is_as_declared)
            self._todo = plan_keys(seen[-1], self._todo.wanted)
            if self._todo.is_done:
                return self._outcome(seen[-1])
            if self._todo.held is None or self._has_done_what_is_left or self._shows_others(seen):
                break
        raise ServiceError(
            "NotAsDeclared",
            f"AWS accepted every step, but then {_what_is_left(self._todo)}",
            "Another client may be changing this user at the same time. Run the task again.",
        )

    def _import_and_delete(self) -> None:
        self._doomed = sorted(self._not_deleted(self._todo.deletions), key=_date_imported)
        for key in self._todo.imports:
            self._import(key)
        while self._doomed:
            self._delete_first_doomed()

    def failed_outcome(self, error: ServiceError) -> KeysOutcome:
        """Return the outcome after a failed step; its error lists the changes of this run and the user's keys."""
        in_doubt, has = False, "The user now has"
        try:
            held = self._read()
        except ServiceError:
            # Derive the keys from those before the run and its changes.
            in_doubt, has = error.in_doubt, "The user could not be read again; as far as known it has"
            held = (*self._not_deleted(self._before), *self._imported)
        outcome = self._outcome(held)
        facts = (
            f"{error.message.rstrip('.')}. Imported before that: {labels(outcome.imported)}. Deleted: "
            f"{labels(outcome.deleted)}. {has}: {labels(held or ())}"
        )
        return replace(outcome, error=replace(error, message=facts, in_doubt=in_doubt))

    def _outcome(self, held: tuple[HeldKey, ...] | None) -> KeysOutcome:
        # The keys read back have the ids and dates of the imported ones.
        imported = [next((key for key in held or () if new.key and key.is_key(new.key)), new) for new in self._imported]
        return KeysOutcome(self._user_name, self._before, held, tuple(imported), tuple(self._deleted))

    def _is_as_declared(self, held: tuple[HeldKey, ...] | None) -> bool:
        return plan_keys(held, self._todo.wanted).is_done

    @property
    def _has_done_what_is_left(self) -> bool:
        """Whether the only remaining steps are deletions that AWS has accepted. Ids are never reused."""
        return not self._todo.imports and not self._not_deleted(self._todo.deletions)

    def _not_deleted(self, keys: Sequence[HeldKey]) -> list[HeldKey]:
        """Return the keys that this run has not deleted. Reads may show deleted keys for a while."""
        return [key for key in keys if key not in self._deleted]

    def _gives_precedence(self, held: tuple[HeldKey, ...] | None) -> bool:
        """Return whether the newest key is another run's, which therefore begins again first."""
        theirs = self._not_deleted(plan_keys(held, self._todo.wanted).deletions)
        ours = [key for key in held or () if self._has_imported(key)]
        return bool(theirs) and max(map(_order, theirs)) > max(map(_order, ours), default=(0.0, ""))

    def _shows_others(self, seen: Sequence[tuple[HeldKey, ...] | None]) -> bool:
        """Return whether another client changed the user between these reads."""
        return any(
            any(key not in (later or ()) for key in self._not_deleted(sooner or ()))
            or any(key not in (sooner or ()) for key in later or () if not self._has_imported(key))
            for sooner, later in zip(seen, seen[1:])
        )

    def _has_imported(self, key: HeldKey) -> bool:
        return any(new.key and key.is_key(new.key) for new in self._imported)

    def _import(self, key: PublicKey) -> None:
        error = self._try_import(key)
        if error is not None and error.is_full_user and self._doomed:
            # Delete only one key: if the refusal had a different reason, the others stay.
            self._delete_first_doomed()
            error = self._try_import(key)
        if error is not None:
            raise replace(error, hint=_FULL_HINT) if error.is_full_user else error

    def _try_import(self, key: PublicKey) -> ServiceError | None:
        """Import a key. Returns the error if the user does not hold the key afterwards."""
        try:
            key_id = transfer.import_key(self._client, self._server_id, self._user_name, transfer_body(key))
        except ServiceError as error:
            exists = error.code == "ResourceExistsException"
            if exists and not error.in_doubt:
                return None
            if not exists and not (error.in_doubt and self._holds(key)):
                return error
            self._note_import(HeldKey.to_come(key))
        else:
            self._note_import(HeldKey.stored(key_id, transfer_body(key), None))
        return None

    def _note_import(self, new: HeldKey) -> None:
        # A key may be imported twice, if another client deleted it during the run.
        self._imported = [key for key in self._imported if key.body != new.body] + [new]

    def _delete_first_doomed(self) -> None:
        doomed = self._doomed[0]
        try:
            transfer.delete_key(self._client, self._server_id, self._user_name, str(doomed.id))
        except ServiceError as error:
            if not error.is_missing_key and not (error.in_doubt and self._lacks(doomed)):
                raise
            by_this_run = error.in_doubt
        else:
            by_this_run = True
        self._doomed.remove(doomed)
        if by_this_run:
            self._deleted.append(doomed)

    def _holds(self, key: PublicKey) -> bool:
        """Return whether the user is known to hold a key now."""

        def is_so(held: tuple[HeldKey, ...] | None) -> bool:
            return any(other.is_key(key) for other in held or ())

        return self._is_known(is_so)

    def _lacks(self, key: HeldKey) -> bool:
        """Return whether the user is known not to hold a key any more."""

        def is_so(held: tuple[HeldKey, ...] | None) -> bool:
            return held is not None and all(other.id != key.id for other in held)

        return self._is_known(is_so)

    def _is_known(self, is_so: _Condition) -> bool:
        try:
            return is_so(self._look(is_so)[-1])
        except ServiceError:
            return False

    def _look(self, is_so: _Condition) -> list[tuple[HeldKey, ...] | None]:
        """Read the user's keys until they meet a condition, a few times at most. Returns the keys of each read."""
        seen = []
        for pause in (*[_SECONDS_BETWEEN_LOOKS] * (_LOOKS - 1), 0.0):
            seen.append(self._read())
            if is_so(seen[-1]):
                break
            # Random, because two runs with equal pauses would stay in step.
            time.sleep(pause * random.uniform(0.75, 1.25))
        return seen


def _order(key: HeldKey) -> tuple[float, str]:
    """Return a sort key for the order of import; the id decides between keys of the same moment."""
    return _date_imported(key), key.id or ""


def _date_imported(key: HeldKey) -> float:
    return key.date_imported.timestamp() if key.date_imported else 0.0


def _what_is_left(left: KeysPlan) -> str:
    if left.held is None:
        return "the user no longer exists"
    faults = []
    if left.imports:
        faults.append(f"the user lacks {labels([HeldKey.to_come(key) for key in left.imports])}")
    if left.deletions:
        faults.append(f"the user still has {labels(left.deletions)}")
    return " and ".join(faults)
