# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Which keys of a Transfer Family user a rotation replaces. Pure.

Rules:

1. A rotation replaces what it is told to replace. Without ``replaces`` that is, with a private key file, the key that
   the file holds or held; with given public keys, the only other key of the user. Several others are a fault.
2. A new key is never replaced. So a comment that the old and the new key share means the old one.
3. A fingerprint or an id means one key, which AWS may hold twice. A comment that fits two is a fault.
4. What ``replaces`` names and the user lacks is a fault, unless the user has all new keys: then an earlier run has
   removed it.
5. The same call on what a rotation leaves replaces nothing.

FILE, FILE.new and FILE.old-* are the private key file and the files beside it: see rotate_files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection, Iterable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._comma_list import elements
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.key_label import label, labels
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import is_key_id
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.paths import shown_path
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_files import (
    KeyFiles,
    is_fingerprint,
)

# A key as transfer_ssh_key_info returns it.
_Key = Mapping[str, Any]

_ALL = "all"


@dataclass(frozen=True)
class Replacement:
    """What a rotation does to the keys that the user has.

    faults: sentences that say why it must not begin; empty where it may. Then nothing is replaced.
    replaced, stays: the held keys, as they were given.
    ids: of the replaced keys. ids_before_move and ids_after_move divide them. FILE's own keys go after the new pair has
      taken its place, so that FILE works at every moment. Others go before that, so that a run that is killed leaves
      FILE.new, with which the next one goes on.
    only_removes: whether an earlier run is unfinished, so that no new pair is made.
    may_make_room: whether one of the replaced keys may go before the new key is in, if the user has as many keys as AWS
      allows. Before a login has proven the new key, no key may go.
    login_file: the private key file that a login is to prove; empty with given public keys.
    file_fingerprint: that of the key in FILE, empty where there is none. is_backed_up: whether a FILE.old-* holds it.
    says: lines that tell what is going to happen. later: what becomes of keys that stay for now, or an empty string.
    """

    faults: tuple[str, ...]
    replaced: tuple[_Key, ...]
    stays: tuple[_Key, ...]
    ids: tuple[str, ...]
    ids_before_move: tuple[str, ...]
    ids_after_move: tuple[str, ...]
    only_removes: bool
    may_make_room: bool
    login_file: str
    file_fingerprint: str
    is_backed_up: bool
    says: tuple[str, ...]
    later: str


def decide(
    held: Sequence[_Key],
    *,
    who: str,
    replaces: Any = None,
    public_keys: Sequence[str] = (),
    public_key_files: Sequence[str] = (),
    private_key_file: str = "",
    private_keys: Mapping[str, str] | None = None,
    keep_old_keys: bool = False,
    logs_in: bool = False,
) -> Replacement:
    """Decide which keys of a user a rotation replaces.

    held: the keys of the user, each with id, fingerprint, fingerprint_md5 and comment, as transfer_ssh_key_info returns
      them; the last three are None where AWS holds something that is no key.
    who: the user and its server, for sentences.
    replaces: fingerprints, ids or comments, as a list or text with commas; ``all``; None or empty text for the default.
    public_keys: the text of each given key. public_key_files: the files that the last of these texts were read from.
    private_key_file: FILE, instead of public_keys; else empty.
    private_keys: the line of ``ssh-keygen -l``, by path, for each of FILE, FILE.new and FILE.old-* that exists; empty
      where it cannot read the file.
    keep_old_keys: whether nothing is removed in this run. logs_in: whether a login is to prove the new key.
    Raises ArgumentError where replaces is neither a list nor text.
    """
    held = [dict(key) for key in held]
    files = KeyFiles.read(private_key_file, private_keys or {})
    given, faults = _given_keys(public_keys, public_key_files)
    # A new key is never meant.
    to_come = {key.fingerprint for key in given} | {files.to_come}
    faults += [_NO_KEY_IN_FILE.format(shown_path(private_key_file))] if files.is_no_key else []
    comments = {key["comment"] for key in held} | {key.comment for key in given}
    names, fault = _names(replaces, comments, [key for key in held if key["fingerprint"] not in to_come])
    faults += fault
    only_removes = _has_unfinished(files, held, names)
    new = ({files.current} if only_removes else {files.to_come} - {""}) if files else {key.fingerprint for key in given}
    others = [key for key in held if key["fingerprint"] not in new]
    notes: list[str] = []
    if names is None:
        chosen, fault, notes = _chosen_by_default(others, files, who, keep_old_keys)
    else:
        chosen, fault, notes = _chosen_by_name(names, held, new, who)
    faults += fault
    replaced = [] if faults or keep_old_keys else chosen
    last = [key for key in replaced if only_removes or key["fingerprint"] in files.own]
    stays = [key for key in held if key not in replaced]
    later = _later(chosen, others, files) if keep_old_keys and not faults else ""
    return Replacement(
        faults=tuple(faults),
        replaced=tuple(replaced),
        stays=tuple(stays),
        ids=_ids(replaced),
        ids_before_move=_ids(key for key in replaced if key not in last),
        ids_after_move=_ids(last),
        only_removes=only_removes,
        may_make_room=bool(files and replaced and not logs_in),
        login_file=(files.path if only_removes else files.new) if files else "",
        file_fingerprint=files.current,
        is_backed_up=files.current in files.earlier,
        says=(
            f"{who}:",
            *_new_lines(held, new, given, files),
            *(f"  replaced  {label(key)}" for key in replaced),
            *(f"  stays     {label(key)}" for key in stays if key["fingerprint"] not in new),
            *([] if replaced else ["No key is replaced."]),
            *notes,
        ),
        later=later,
    )


_NO_KEY_IN_FILE = (
    "private_key_file is {}, a file that ssh-keygen cannot read as a private key. Name the file of the private key, or "
    "one that does not exist yet."
)


def _has_unfinished(files: KeyFiles, held: Sequence[_Key], names: Sequence[str] | None) -> bool:
    """Whether only the removal is left of an earlier rotation. Names of none of its keys ask for a new rotation."""
    if files.has_new or not any(key["fingerprint"] == files.current for key in held):
        return False
    left = [key for key in held if key["fingerprint"] in files.earlier - {files.current}]
    if names is None or names == [_ALL]:
        return bool(left)
    return any(_fits(name, key) for name in names for key in left)


def _given_keys(texts: Sequence[str], files: Sequence[str]) -> tuple[list[PublicKey], list[str]]:
    keys: list[PublicKey] = []
    faults: list[str] = []
    inline = len(texts) - len(files)
    for position, text in enumerate(texts):
        place = (
            f"public_keys[{position}]" if position < inline else f"public_key_files has '{files[position - inline]}'"
        )
        try:
            keys += parse_public_keys(text)
        except PublicKeyError as error:
            faults.append(f"{place}: {error}")
    return keys, faults


def _names(replaces: Any, comments: Collection[str | None], old: Sequence[_Key]) -> tuple[list[str] | None, list[str]]:
    """Return what is named, None where nothing is said, and faults.

    comments: of all keys, the new ones too. old: the held keys that are not new.
    """
    if replaces is None or (isinstance(replaces, str) and not replaces.strip()):
        return None, []
    names = elements(replaces)
    fault = ""
    # A comment may hold a comma.
    whole = replaces.strip() if isinstance(replaces, str) else ""
    if not names:
        fault = "replaces is an empty list. Name the keys to replace in it, or leave it out."
    elif names == [_ALL]:
        if any(key["comment"] == _ALL for key in old):
            fault = "replaces is 'all', which is also the comment of a key of the user. Name the keys by fingerprint."
    elif len(names) > 1 and whole and whole in comments:
        if any(_fits(name, key) for name in names for key in old):
            fault = (
                f"replaces is {shown(whole)}, which fits one key as a whole and another one in part. Use fingerprints."
            )
        names = [whole]
    elif _ALL in names:
        fault = "replaces has 'all' among other names. Give 'all' alone, or name the keys."
    return ([], [fault]) if fault else (names, [])


def _fits(name: str, key: _Key) -> bool:
    # What has the form of a fingerprint or an id is never a comment: anybody can write a comment.
    if is_fingerprint(name):
        return name in (key["fingerprint"], key["fingerprint_md5"])
    if is_key_id(name):
        return bool(name == key["id"])
    return name in (key["id"], key["comment"])


def _chosen_by_default(
    others: list[_Key], files: KeyFiles, who: str, keep_old_keys: bool
) -> tuple[list[_Key], list[str], list[str]]:
    """Return the keys, faults and notes for a rotation that is not told what to replace."""
    if files:
        own = [key for key in others if key["fingerprint"] in files.own]
        # An unfinished run may have replaced what it was told to.
        if own or not others or files.has_new:
            return own, [], []
        note = (
            "The user has no key that private_key_file holds or held. To replace another one, name it, such as "
            f"-e replaces={_exact_name(others[0])}."
        )
        return [], [], [note]
    if len(others) <= 1:
        return others, [], []
    if keep_old_keys:
        return [], [], []
    fault = (
        f"{who} has {len(others)} other keys, and nothing says which of them to replace: {labels(others)}. Name it, "
        f"such as -e replaces={_exact_name(others[0])}, or replace all of them with -e replaces=all."
    )
    return [], [fault], []


def _chosen_by_name(
    names: Sequence[str], held: Sequence[_Key], new: set[str], who: str
) -> tuple[list[_Key], list[str], list[str]]:
    """Return the keys, faults and notes for a rotation that is told what to replace. new: fingerprints."""
    others = [key for key in held if key["fingerprint"] not in new]
    if names == [_ALL]:
        return others, [], []
    chosen: list[_Key] = []
    faults: list[str] = []
    missing: list[str] = []
    for name in names:
        fitting = [key for key in others if _fits(name, key)]
        if len(fitting) > 1 and not is_fingerprint(name):
            faults.append(
                f"replaces has {_told(name)}, which fits {len(fitting)} keys: {labels(fitting)}. Name the key by its "
                "fingerprint."
            )
        elif fitting:
            chosen += [key for key in fitting if key not in chosen]
        elif name in new or any(_fits(name, key) and name != key["comment"] for key in held):
            faults.append(f"replaces has {_told(name)}, which is a new key itself. Name an old one.")
        else:
            missing.append(_told(name))
    if not missing:
        return chosen, faults, []
    if new and new <= {key["fingerprint"] for key in held}:
        note = "The user has no old key {}: an earlier run has replaced it, or the name is misspelt."
        return chosen, faults, [note.format(name) for name in missing]
    faults.append(
        f"replaces has {', '.join(missing)}, and {who} has no such key. It has: {labels(held) or 'no key'}. Name a "
        "key by its fingerprint, id or comment."
    )
    return chosen, faults, []


def _new_lines(held: Sequence[_Key], new: set[str], given: Sequence[PublicKey], files: KeyFiles) -> list[str]:
    there = {key["fingerprint"]: f"  new       {label(key)} (there already)" for key in held}
    labels = {key.fingerprint: f"{key.fingerprint} {key.comment}".rstrip() for key in given}
    labels.setdefault(files.to_come, f"{files.to_come} in private_key_file.new")
    lines = [there.get(found, f"  new       {labels.get(found, found)}") for found in sorted(new)]
    return lines or (["  new       an ed25519 key, made for private_key_file"] if files else [])


def _later(kept: Sequence[_Key], others: Sequence[_Key], files: KeyFiles) -> str:
    """Return what becomes of keys that keep_old_keys keeps."""
    if kept and files and not any(key["fingerprint"] in files.own for key in kept):
        return (
            f"Kept for now: {labels(kept)}. A run with the same replaces and without keep_old_keys makes another new "
            "pair, and removes them."
        )
    if kept:
        return f"Kept for now: {labels(kept)}. A run without keep_old_keys removes them."
    if others and not files:
        return (
            f"Kept for now: {labels(others)}. To remove keys, name them with replaces, in a run without keep_old_keys."
        )
    return ""


def _ids(keys: Iterable[_Key]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(key["id"]) for key in keys))


def _told(name: str) -> str:
    return repr(name) if is_fingerprint(name) else shown(name)


def _exact_name(key: _Key) -> str:
    return str(key["fingerprint"] or key["id"])
