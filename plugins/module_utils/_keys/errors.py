# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The reasons why a text is not a usable public key. Pure.

No error repeats its input, not even in part: it may be a private key pasted by mistake.
"""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SshKeysError


class PublicKeyError(SshKeysError):
    """A text is not a usable public key. ``str()`` gives the reason and the remedy, never the text."""


class NoKeyError(PublicKeyError):
    """A text has only empty lines and comments."""


class SeveralKeysError(PublicKeyError):
    """A line holds several keys."""


class UnsupportedTypeError(PublicKeyError):
    """A text is an intact public key, of a type that a service does not accept.

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
