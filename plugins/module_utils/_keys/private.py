# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether a text is a private key, or could be a part of one. Pure."""

from __future__ import annotations

import re

PRIVATE_KEY = (
    "It is a private key. Nothing of it was sent or is shown here. Give the public key, the .pub file beside it "
    "(ssh-keygen -y -f FILE prints it), and treat the private key as disclosed if it was pasted anywhere."
)

# In the first and last lines of PEM and SSH2 files, whatever the label says before PRIVATE KEY, with the dashes before
# it. Then in those of SSH1 and PuTTY files, and in base64 the magic of OpenSSH's own format ("openssh-key-v1"), for a
# key pasted without either. A paste may break a line anywhere, with anything: that is taken out before the search.
_MARKS = re.compile(
    r"--(BEGIN|END)[A-Za-z0-9]{0,40}PRIVATEKEY|SSHPRIVATEKEYFILE|PuTTY-User-Key-File|Private-(Lines|MAC|Hash):|DEK-Info:"
    r"|b3BlbnNzaC1rZXktdjE"
)
_NOISE = re.compile(r"[^A-Za-z0-9+/:-]+")
# A label that lost the dashes before it, or those on both sides. Then it must be a line of its own, because "BACKEND
# PRIVATE KEY rotation" is a sentence.
_LABEL = r"(?:BEGIN|END) (?:[A-Za-z0-9]+ ){0,4}PRIVATE KEY"
_DAMAGED_MARKS = re.compile(rf"(?<![A-Za-z0-9]){_LABEL}--|^\W*{_LABEL}\W*$", re.MULTILINE)
# What word processors and chats make of a hyphen.
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "--"))


def holds_private_key(text: str) -> bool:
    """Return whether a text has the label or the magic of a private key, of whatever format."""
    text = text.translate(_DASHES)
    return bool(_MARKS.search(_NOISE.sub("", text)) or _DAMAGED_MARKS.search(text))


# The 32 bytes of the shortest private key are 43 characters of base64, or 64 of hexadecimal.
_KEY_MATERIAL = re.compile(r"[A-Za-z0-9+/]{40}")


def could_be_part_of_one(text: str) -> bool:
    """Return whether a text without marks could hold a line of a private key. So could a public key, or a path."""
    return bool(_KEY_MATERIAL.search(text))
