# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""People with a key pair each, whom the tests of the modules let in."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ansible_collections.sshkeys.aws.tests.unit.keys import KeyPair, key_pair


@dataclass(frozen=True)
class Person:
    """Somebody with a key pair of a kind. The key's comment is the name at a laptop."""

    name: str
    kind: str = "ed25519"

    @cached_property
    def pair(self) -> KeyPair:
        """The key pair, which is made when it is first needed."""
        return key_pair(self.kind, f"{self.name}@laptop")

    @property
    def line(self) -> str:
        """The line of the public key's file."""
        return self.pair.line

    @property
    def comment(self) -> str:
        """The comment of the key."""
        return f"{self.name}@laptop"

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ssh-keygen shows it."""
        digest = base64.b64encode(hashlib.sha256(self.pair.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"

    def private_key(self, folder: Path) -> Path:
        """Write the private key to a file in a folder, and return its path."""
        path = folder / self.name
        path.touch(mode=0o600)
        path.write_text(self.pair.private, encoding="utf-8")
        return path


ALICE, BOB, CAROL = Person("alice"), Person("bob"), Person("carol")
DAVE = Person("dave", "rsa-2048")
ERIN = Person("erin", "ecdsa-256")
WEAK = Person("weak", "rsa-1024")

# The public key of a FIDO security key, which neither service takes.
SECURITY_KEY = (
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
    "AQEBAAAABHNzaDo= token"
)
