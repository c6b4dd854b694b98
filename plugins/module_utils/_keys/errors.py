# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Why a text is not a public key that can be used. Pure.

No error ever repeats what was given: a private key pasted by mistake must not come out again, not even in part.
"""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SshKeysError


class PublicKeyError(SshKeysError):
    """What was given is not a public key that can be used. ``str()`` says why and what to do, never what was given."""


class NoKeyError(PublicKeyError):
    """What was given is empty: there are no lines in it but empty ones and comments."""


class SeveralKeysError(PublicKeyError):
    """A line holds several keys."""


class UnsupportedTypeError(PublicKeyError):
    """What was given is a whole public key, of a type that a service does not take.

    key_type: such as ``sk-ssh-ed25519@openssh.com``.
    name: the fingerprint as ``ssh-keygen -l`` prints it, and the comment.
    """

    def __init__(self, sentence: str, key_type: str, name: str) -> None:
        super().__init__(sentence)
        self.key_type = key_type
        self.name = name


DAMAGED = (
    "The base64 part of the key is damaged or cut short, often by a line break that was pasted into it. Copy the "
    ".pub file again and keep the key on one line."
)
