# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key pair of a connection, by ssh-keygen: one is made for the run, or one of the user's own is read."""

from __future__ import annotations

import contextlib
import os

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import openssh


def make(public_key_file: str, *, comment: str = "ansible") -> None:
    """Make an ed25519 key pair, if it is not there. Raises ArgumentError.

    public_key_file: its private half gets the same name without ``.pub``.
    """
    if os.path.exists(public_key_file):
        return
    private = public_key_file.removesuffix(".pub")
    # A killed run may have left it, and ssh-keygen would ask before it overwrites it.
    with contextlib.suppress(OSError):
        os.unlink(f"{private}.new")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", f"{private}.new"]
    try:
        done = openssh.run(command)
    except OSError as error:
        raise ArgumentError(f"No key pair can be made in {private}: {printable(error)}") from error
    if done.returncode:
        said = printable(done.stderr or done.stdout) or f"ssh-keygen ended with status {done.returncode}"
        raise ArgumentError(
            f"No key pair can be made in {private}: {said.rstrip('.')}. Look at ssh-keygen, and at "
            f"{os.path.dirname(private)}."
        )
    os.replace(f"{private}.new", private)
    # Last, because it says that the pair is there.
    os.replace(f"{private}.new.pub", public_key_file)


def public_key(file: str) -> str:
    """Return the public key in a file or, where there is none, the one of the private key beside it.

    file: the path, with ``.pub`` at its end. Raises ArgumentError.
    """
    with contextlib.suppress(FileNotFoundError), open(file, encoding="utf-8") as found:
        return found.read()
    private = file.removesuffix(".pub")
    if private.endswith(".pub"):
        raise ArgumentError(
            f"The private key file {private} has the name of a public key file. Set ansible_private_key_file to the "
            "private key file, without .pub."
        )
    done = openssh.public_half_of(private)
    if done.returncode:
        raise ArgumentError(
            f"There is no {file}, and the public key cannot be read from {private}: {printable(done.stderr)}. Write it "
            f"beside the private key: ssh-keygen -y -f {private} > {file}"
        )
    return done.stdout
