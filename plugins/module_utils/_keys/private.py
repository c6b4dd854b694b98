# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Detection of private keys and of parts of them. Pure."""

from __future__ import annotations

import re

PRIVATE_KEY = (
    "It is a private key. No part of it was sent or is shown here. Give the public key, the .pub file beside it "
    "(ssh-keygen -y -f FILE prints it), and treat the private key as disclosed if it was pasted anywhere."
)

# The first and last lines of PEM and SSH2 files, with their dashes and any label that ends in PRIVATE KEY; those of
# SSH1 and PuTTY files; and, for a key pasted without these lines, the magic of OpenSSH's format in base64
# ("openssh-key-v1"). A paste may break a line anywhere, with any characters, which are removed before the search.
# "SSH PRIVATE KEY FILE" without its FORMAT is a sentence.
_MARKS = re.compile(
    r"--(BEGIN|END)[A-Za-z0-9]{0,40}PRIVATEKEY|SSHPRIVATEKEYFILEFORMAT|PuTTY-User-Key-File|Private-(Lines|MAC|Hash):"
    r"|DEK-Info:|b3BlbnNzaC1rZXktdjE"
)
_NOISE = re.compile(r"[^A-Za-z0-9+/:-]+")
# A label without the dashes before it, or without both. In the second case it must fill its line, because "BACKEND
# PRIVATE KEY rotation" is a sentence.
_LABEL = r"(?:BEGIN|END) (?:[A-Za-z0-9]+ ){0,4}PRIVATE KEY"
_DAMAGED_MARKS = re.compile(rf"(?<![A-Za-z0-9]){_LABEL}--|^\W*{_LABEL}\W*$", re.MULTILINE)
# Word processors and chats replace a hyphen, or two, with these. One hyphen stays one: "FRONT-END PRIVATE KEY" is no
# label. In a pattern with MULTILINE, only a line feed ends a line.
_PLAIN = str.maketrans(
    {**dict.fromkeys("\u2010\u2011\u2012\u2212", "-"), **dict.fromkeys("\u2013\u2014\u2015", "--"), "\r": "\n"}
)


def holds_private_key(text: str) -> bool:
    """Return whether a text has the label or the magic of a private key, in any format."""
    text = text.translate(_PLAIN)
    return bool(_MARKS.search(_NOISE.sub("", text)) or _DAMAGED_MARKS.search(text))


# The 32 bytes of the shortest private key are 43 characters of base64, or 64 of hexadecimal.
_KEY_MATERIAL = re.compile(r"[A-Za-z0-9+/]{40}")


def could_be_part_of_one(text: str) -> bool:
    """Return whether a text without marks could contain a line of a private key. Public keys and paths match too."""
    return bool(_KEY_MATERIAL.search(text))
