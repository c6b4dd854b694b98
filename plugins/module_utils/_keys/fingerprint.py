# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""SHA256 fingerprints, as OpenSSH and others write them. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

# Base64 of 32 bytes. OpenSSH leaves out the padding (sshkey_fingerprint in sshkey.c).
_DIGEST = "[A-Za-z0-9+/]{43}"
_LABELLED = re.compile(rf"(?:^|\s)SHA256:({_DIGEST})=?(?=\s|$)", re.IGNORECASE)
_BARE = re.compile(rf"({_DIGEST})=?")


def fingerprint_of(blob: bytes) -> str:
    """Return the SHA256 fingerprint of a public key in SSH wire format, as ``ssh-keygen -l`` prints it."""
    return _written(hashlib.sha256(blob).digest())


def read_fingerprint(text: str) -> str | None:
    """Return the SHA256 fingerprint that a text states, as OpenSSH writes it. Return None if it states none.

    Transfer Family's API says that it is base64 and equals the output of ``ssh-keygen -l`` (DescribedServer), and
    shows no example. So it may have ``SHA256:`` and padding, or not, or be a whole line of ssh-keygen.
    """
    found = _LABELLED.search(text) or _BARE.fullmatch(text.strip())
    if not found:
        return None
    try:
        digest = base64.b64decode(f"{found[1]}=", validate=True)
    except binascii.Error:
        return None
    # The last character has two bits that are of no digest.
    return _written(digest) if _written(digest) == f"SHA256:{found[1]}" else None


def _written(digest: bytes) -> str:
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
