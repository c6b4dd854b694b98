# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Carry out the plan for one Transfer Family user, with its fields, tags and keys.

Rules:

1. The steps are made in the order of the plan: the user itself, then its fields, its tags, and its keys. The keys are
   the work of rotation.py.
2. After the last step the user is read once more, and only what was read counts as the outcome. A user that is deleted
   is not read again.
3. A user that exists at its creation, or is missing at its deletion, is as declared. Either another client did it, or
   an attempt of this run whose answer was lost. Only the second counts as a change of this run. A user that exists is
   another client's unless it is what this run would have created.
4. If it is unknown whether a call took effect, the user is read, a few times until the effect shows. A new user may be
   unknown to some calls for longer.
5. A run that does not find the user as declared after its last step begins again. After a number of rounds it gives up,
   but only if another run has made a change since its last step: the user changes between two reads, or is again as it
   was before the round. So a run that gives up never made the last change, and the user ends as one of the runs
   declared. Pauses are random, so that two runs get out of step; a limit of rounds is there in case they do not.
6. The first step that fails for good ends the work on this user. The user is read back and reported with the error,
   which says what was done before.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import transfer_body
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_user import held_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import HeldKey, KeysPlan, labels, plan_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotation import rotate
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import User, members_of
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_errors import with_hint
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_plan import (
    UserOutcome,
    UserPlan,
    plan_user,
)

if TYPE_CHECKING:
    from mypy_boto3_transfer import TransferClient

# A condition on what is left of a declaration.
_Condition = Callable[[UserPlan], bool]

# Rounds of work on a user that others change at the same time, and the limit if nobody else gets ahead.
_ROUNDS = 5
_ROUNDS_AT_MOST = 20
# Reads, and the pause between them, until a change that AWS accepted counts as lost.
_LOOKS = 4
_SECONDS_BETWEEN_LOOKS = 1.0
# How long a new user may be unknown to the calls for its keys, and the reads for which it may be.
_SECONDS_FOR_NEW_USER = 15.0
_LOOKS_FOR_NEW_USER = 16


def carry_out(client: TransferClient, server_id: str, todo: UserPlan) -> UserOutcome:
    """Carry out a plan, and return the outcome, which also has the failure, if any."""
    if todo.is_done or todo.fault:
        return todo.outcome
    work = _Work(client, server_id, todo)
    try:
        return work.run()
    except ServiceError as error:
        return work.failed_outcome(error)


class _Work:
    """The work on one user: the remaining steps, and the changes of this run."""

    def __init__(self, client: TransferClient, server_id: str, todo: UserPlan) -> None:
        self._client, self._server_id, self._user_name = client, server_id, todo.wanted.user_name
        self._todo, self._before, self._warnings = todo, todo.held, todo.warnings
        # The user as it was last read, and whether that was after the last step.
        self._seen, self._is_fresh = todo.held, True
        # Whether AWS has said since then that the user exists, so that it may be unknown for a while.
        self._is_new = False
        self._created = self._gone = False
        self._updated: set[str] = set()
        self._imported: list[HeldKey] = []
        self._deleted: list[HeldKey] = []

    def run(self) -> UserOutcome:
        """Work until the user is as declared, and return the outcome.

        Raises ServiceError at the first step that fails for good, or if the user is still not as declared at the end.
        """
        refusal: ServiceError | None = None
        for round_number in range(1, _ROUNDS_AT_MOST + 1):
            if self._todo.fault:
                raise self._todo.fault
            if self._todo.deletion:
                self._delete()
                return self._outcome(None)
            before, refusal = self._seen, None
            try:
                expected = self._create_or_update()
            except ServiceError as error:
                if not error.is_missing_user or round_number >= _ROUNDS:
                    raise
                refusal = error
                # Either the user is so new that not all of AWS knows it, or another client has deleted it.
                seen = self._look(_exists if self._is_new else _is_missing)
            else:
                seen = self._look(expected)
            self._todo = plan_user(self._seen, self._todo.wanted)
            if self._todo.is_done:
                return self._outcome(self._seen)
            has_no_effect = round_number > 1 and before == seen[-1]
            if has_no_effect or (round_number >= _ROUNDS and any(user != seen[-1] for user in seen)):
                break
        raise refusal or ServiceError(
            "NotAsDeclared",
            "AWS accepted every step, but the user is not as declared",
            "Another client may be changing this user at the same time: run the task again. If the same comes back, "
            "AWS stores a value in another form: declare it as transfer_user_info returns it.",
        )

    def failed_outcome(self, error: ServiceError) -> UserOutcome:
        """Return the outcome after a failed step; its error lists the changes of this run."""
        in_doubt, is_known = False, True
        try:
            self._read()
        except ServiceError:
            in_doubt, is_known = error.in_doubt, False
        left = _what_is_left(plan_user(self._seen, self._todo.wanted)) if is_known else ""
        message = ". ".join(filter(None, [error.message.rstrip("."), self._what_was_done(), left]))
        outcome = self._outcome(self._seen)
        return replace(outcome, is_known=is_known, error=replace(error, message=message, in_doubt=in_doubt))

    def _outcome(self, after: User | None) -> UserOutcome:
        held = after.keys if after else ()
        # The keys read back have the ids and dates of the imported ones.
        imported = [next((key for key in held if new.key and key.is_key(new.key)), new) for new in self._imported]
        return UserOutcome(
            self._user_name,
            self._before,
            after,
            created=self._created,
            gone=self._gone,
            updated=() if self._created else tuple(sorted(self._updated)),
            imported=tuple(imported),
            deleted=tuple(self._deleted),
            warnings=self._warnings,
        )

    # -- Steps ---------------------------------------------------------------------------------------------------------

    def _create_or_update(self) -> _Condition:
        """Make the steps of the plan. Returns what reads should show then."""
        todo = self._todo
        if todo.creation:
            if not self._create():
                return _exists
            self._change_keys(self._after_creation(todo))
            return _is_done
        if todo.fields:
            self._change(
                lambda: transfer.update_user(self._client, self._server_id, self._user_name, members_of(todo.fields)),
                lambda left: not left.fields,
                set(todo.updated) - {"tags"},
            )
        arn = todo.held.arn if todo.held else None
        if todo.untag:
            self._change(
                lambda: transfer.untag_resource(self._client, str(arn), todo.untag),
                lambda left: not left.untag,
                {"tags"},
            )
        if todo.tag:
            self._change(
                lambda: transfer.tag_resource(self._client, str(arn), todo.tag),
                lambda left: not left.tag,
                {"tags"},
            )
        self._change_keys(todo.keys)
        return _is_done

    def _create(self) -> bool:
        """Create the user. Returns whether this run did; if not, another client did."""
        todo = self._todo
        first = todo.first_key
        self._is_fresh = False
        try:
            transfer.create_user(
                self._client,
                self._server_id,
                self._user_name,
                members_of(todo.fields),
                tags=todo.tag,
                key_body=transfer_body(first) if first else None,
            )
        except ServiceError as error:
            self._is_new = error.code == "ResourceExistsException"
            exists = error.in_doubt and self._is_known(_exists)
            if not self._is_new and not exists:
                raise with_hint(error) from error
            if not error.in_doubt or (exists and not self._is_as_created):
                return False
        self._created = self._is_new = True
        if first:
            self._note_imports([HeldKey.to_come(first)])
        return True

    @property
    def _is_as_created(self) -> bool:
        """Whether the user that was read is what this run would have created, so that nobody else did."""
        first, left = self._todo.first_key, plan_user(self._seen, self._todo.wanted)
        return not left.updated and not (first and left.keys and first in left.keys.imports)

    @staticmethod
    def _after_creation(todo: UserPlan) -> KeysPlan | None:
        if not todo.keys or not todo.first_key:
            return None
        return plan_keys([HeldKey.to_come(todo.first_key)], todo.keys.wanted)

    def _change(self, call: Callable[[], None], has_effect: _Condition, names: set[str]) -> None:
        """Make a call that changes options. has_effect: whether a plan shows that it took effect."""
        self._is_fresh = False
        try:
            call()
        except ServiceError as error:
            if not (error.in_doubt and self._is_known(has_effect)):
                raise with_hint(error) from error
        self._updated |= names

    def _change_keys(self, todo: KeysPlan | None) -> None:
        if todo is None or todo.is_done:
            return
        patience = _SECONDS_FOR_NEW_USER if self._created else 0.0
        outcome = rotate(self._client, self._server_id, todo, patience, self._read_keys)
        self._note_imports(outcome.imported)
        self._deleted += outcome.deleted
        if outcome.error:
            raise outcome.error

    def _note_imports(self, new: Sequence[HeldKey]) -> None:
        # A key may be imported twice, if another client deleted it or the user during the run.
        again = {key.body for key in new}
        self._imported = [key for key in self._imported if key.body not in again] + list(new)

    def _delete(self) -> None:
        self._is_fresh = False
        try:
            transfer.delete_user(self._client, self._server_id, self._user_name)
        except ServiceError as error:
            if error.is_missing_user:
                self._gone = error.in_doubt
                return
            if not (error.in_doubt and self._is_known(lambda left: not left.deletion)):
                raise with_hint(error) from error
        self._gone = True

    # -- Reads ---------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self._seen, self._is_fresh = held_user(self._client, self._server_id, self._user_name), True

    def _read_keys(self) -> tuple[HeldKey, ...] | None:
        self._is_fresh = False
        if self._is_new:
            self._look(_exists)
        else:
            self._read()
        return self._seen.keys if self._seen else None

    def _is_known(self, is_so: _Condition) -> bool:
        """Return whether reads show what a call was for, which may have failed."""
        try:
            self._look(is_so)
        except ServiceError:
            return False
        return is_so(plan_user(self._seen, self._todo.wanted))

    def _look(self, is_so: _Condition) -> list[User | None]:
        """Read the user until what is left of its declaration meets a condition, a few times at most.

        Returns the user of each read.
        """
        seen = []
        for number in range(1, _LOOKS_FOR_NEW_USER + 1):
            if not self._is_fresh:
                self._read()
            seen.append(self._seen)
            if is_so(plan_user(self._seen, self._todo.wanted)):
                break
            self._is_fresh = False
            if number >= _LOOKS and not (self._is_new and self._seen is None):
                break
            # Random, because two runs with equal pauses would stay in step.
            time.sleep(_SECONDS_BETWEEN_LOOKS * random.uniform(0.75, 1.25))
        # It is known now, or another client has deleted it.
        self._is_new = self._is_new and self._seen is None and len(seen) < _LOOKS_FOR_NEW_USER
        return seen

    def _what_was_done(self) -> str:
        """Return the changes of this run, for a sentence."""
        changed = f"changed {', '.join(sorted(self._updated))}" if self._updated and not self._created else ""
        done = [
            "created the user" if self._created else "",
            changed,
            f"imported {labels(self._imported)}" if self._imported else "",
            f"deleted {labels(self._deleted)}" if self._deleted else "",
        ]
        return f"Before that, the task {' and '.join(filter(None, done)) or 'changed nothing'}"


def _is_done(left: UserPlan) -> bool:
    return left.is_done


def _exists(left: UserPlan) -> bool:
    return not left.creation


def _is_missing(left: UserPlan) -> bool:
    return left.creation


def _what_is_left(left: UserPlan) -> str:
    """Return what a user lacks of its declaration, for a sentence; empty if nothing."""
    if left.creation:
        return "The user does not exist"
    if left.deletion:
        return "The user still exists"
    parts = list(left.updated)
    if left.keys and left.keys.imports:
        parts.append(f"{labels([HeldKey.to_come(key) for key in left.keys.imports])}, which is missing")
    if left.keys and left.keys.deletions:
        parts.append(f"{labels(left.keys.deletions)}, which should be removed")
    return f"Not yet as declared: {'; '.join(parts)}" if parts else ""
