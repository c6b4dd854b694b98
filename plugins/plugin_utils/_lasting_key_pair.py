# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key pair that outlives the run, made by ssh-keygen. Other files in its place are never overwritten."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import key_pair, openssh

_TYPE = "ssh-ed25519"
_MODE = 0o600


class LastingKeyPair(NamedTuple):
    """A key pair.

    public_key: its line, empty where the pair is only foreseen. changed: whether something was made or changed, or
    would be.
    """

    public_key: str
    changed: bool


def ensure(private_key_file: str, comment: str, *, check_mode: bool = False) -> LastingKeyPair:
    """Make an ed25519 pair without a passphrase, unless there is one, and let only its owner read both files.

    The public key file is written again where it is missing or another, as after a run that was killed.
    private_key_file: the public key gets the same name with ``.pub``. comment: that of the public key.
    check_mode: whether to find out what would be done, and do nothing.
    Raises ArgumentError where ssh-keygen fails, or something else is in the way.
    """
    public_key_file = f"{private_key_file}.pub"
    is_there = os.path.lexists(private_key_file)
    if not is_there:
        if check_mode:
            return LastingKeyPair("", changed=True)
        if os.path.lexists(public_key_file):
            raise ArgumentError(_in_the_way(public_key_file, "It has no private key beside it"))
        key_pair.make(public_key_file, comment=comment)
    line = f"{_public_key_in(private_key_file)} {comment}".rstrip()
    written = _write(public_key_file, f"{line}\n", check_mode=check_mode)
    closed = [_close(file, check_mode=check_mode) for file in (private_key_file, public_key_file)]
    return LastingKeyPair(line, changed=not is_there or written or any(closed))


def _public_key_in(private_key_file: str) -> str:
    """Return the public key of a private one, without a comment. Raises ArgumentError where that is another key."""
    done = openssh.public_half_of(private_key_file)
    if done.returncode:
        said = printable(done.stderr).rstrip(".") or f"ssh-keygen ended with status {done.returncode}"
        raise ArgumentError(_in_the_way(private_key_file, f"ssh-keygen cannot read it: {said}"))
    try:
        key = parse_public_key(done.stdout)
    except PublicKeyError as error:
        raise ArgumentError(_in_the_way(private_key_file, str(error).rstrip("."))) from None
    if key.type != _TYPE:
        raise ArgumentError(_in_the_way(private_key_file, f"Its key is of type {key.type}"))
    return key.line


def _in_the_way(file: str, why: str) -> str:
    return (
        f"{file} is in the way of a new key pair, and is not part of an ed25519 pair without a passphrase. {why}. Move "
        "it away, and run again."
    )


def _write(file: str, text: str, *, check_mode: bool) -> bool:
    """Write a file unless it has this text, at once or not at all. Returns whether it had another."""
    with contextlib.suppress(OSError, ValueError), open(file, encoding="utf-8") as there:
        if there.read() == text:
            return False
    if check_mode:
        return True
    try:
        # This overwrites the temporary file of a killed run.
        with open(f"{file}.tmp", "w", encoding="utf-8") as new:
            new.write(text)
        os.replace(f"{file}.tmp", file)
    except OSError as error:
        raise ArgumentError(f"{file} cannot be written: {printable(error)}. Look at its folder.") from error
    return True


def _close(file: str, *, check_mode: bool) -> bool:
    """Let only the owner read a file. Returns whether others could."""
    try:
        if stat.S_IMODE(os.stat(file).st_mode) == _MODE:
            return False
        if not check_mode:
            os.chmod(file, _MODE)
    except FileNotFoundError:
        # Only in check mode has the public key not been written by now.
        return False
    except OSError as error:
        raise ArgumentError(f"The mode of {file} cannot be set: {printable(error)}. Look at its owner.") from error
    return True
