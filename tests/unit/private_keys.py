# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys of each type and with each label, for the tests."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa


def private_key_of(kind: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    """Return the private key of a kind of keys.py, as ``cryptography`` has it."""
    key = serialization.load_ssh_private_key(key_pair(kind).private.encode(), None)
    assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey))
    return key


PEM = serialization.Encoding.PEM
TRADITIONAL, PKCS8 = serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8
ENCRYPTED = serialization.BestAvailableEncryption(b"correct horse")
PLAIN = serialization.NoEncryption()


# From this version on PuTTY derives the key of an encrypted file with Argon2.
PUTTY_3 = 3


def putty_file(version: int, *, encrypted: bool) -> str:
    """Write a file as PuTTY does (its manual, appendix C); what PuTTY would encrypt or sum up is made up."""
    pair = key_pair("rsa-2048")
    secret = base64.b64encode(bytes((index * 89 + 17) % 251 for index in range(600))).decode()
    public_lines, private_lines = re.findall(".{1,64}", pair.encoded), re.findall(".{1,64}", secret)
    derivation = ["Key-Derivation: Argon2id", "Argon2-Memory: 8192", "Argon2-Passes: 13", "Argon2-Parallelism: 1"]
    return "\r\n".join(
        [
            f"PuTTY-User-Key-File-{version}: {pair.type}",
            f"Encryption: {'aes256-cbc' if encrypted else 'none'}",
            "Comment: rsa-key-20260101",
            f"Public-Lines: {len(public_lines)}",
            *public_lines,
            *(derivation if encrypted and version == PUTTY_3 else []),
            f"Private-Lines: {len(private_lines)}",
            *private_lines,
            "Private-MAC: 8f3cc2f5a1d04b6e97c85df0b29a6c1ee4d7315b",
            "",
        ]
    )


def ssh2_file() -> str:
    """Write a file as ssh.com's tools do; what they would encrypt is made up."""
    secret = base64.b64encode(bytes((index * 57 + 3) % 253 for index in range(500))).decode()
    body = "\n".join(re.findall(".{1,70}", secret))
    mark = "SSH2 ENCRYPTED PRIVATE KEY ----"
    return f'---- BEGIN {mark}\nSubject: me\nComment: "it"\n{body}\n---- END {mark}\n'


PRIVATE_KEYS: dict[str, Callable[[], str]] = {
    "OpenSSH ed25519": lambda: key_pair("ed25519").private,
    "OpenSSH rsa": lambda: key_pair("rsa-2048").private,
    "OpenSSH ecdsa": lambda: key_pair("ecdsa-521").private,
    "OpenSSH encrypted": lambda: key_pair("ed25519", passphrase="correct horse").private,  # noqa: S106
    "PKCS1": lambda: private_key_of("rsa-2048").private_bytes(PEM, TRADITIONAL, PLAIN).decode(),
    "PKCS1 encrypted": lambda: private_key_of("rsa-2048").private_bytes(PEM, TRADITIONAL, ENCRYPTED).decode(),
    "EC": lambda: private_key_of("ecdsa-256").private_bytes(PEM, TRADITIONAL, PLAIN).decode(),
    # As short as OpenSSH made them, and as quick to make.
    "DSA": lambda: dsa.generate_private_key(1024).private_bytes(PEM, TRADITIONAL, PLAIN).decode(),  # noqa: S505
    "PKCS8 rsa": lambda: private_key_of("rsa-2048").private_bytes(PEM, PKCS8, PLAIN).decode(),
    "PKCS8 ed25519": lambda: private_key_of("ed25519").private_bytes(PEM, PKCS8, PLAIN).decode(),
    "PKCS8 encrypted": lambda: private_key_of("ed25519").private_bytes(PEM, PKCS8, ENCRYPTED).decode(),
    "PuTTY 2": lambda: putty_file(2, encrypted=False),
    "PuTTY 2 encrypted": lambda: putty_file(2, encrypted=True),
    "PuTTY 3": lambda: putty_file(3, encrypted=False),
    "PuTTY 3 encrypted": lambda: putty_file(3, encrypted=True),
    "SSH2 encrypted": ssh2_file,
    # As other tools name it.
    "EdDSA": lambda: re.sub(
        "(BEGIN|END) PRIVATE", r"\1 EdDSA PRIVATE", private_key_of("ed25519").private_bytes(PEM, PKCS8, PLAIN).decode()
    ),
    "SSH1": lambda: "SSH PRIVATE KEY FILE FORMAT 1.1\n\udc80\udcff" + "Zm9vYmFyYmF6cXV4" * 8,
}


def secrets_of(private: str) -> set[str]:
    """Return the runs of eight characters of all but the first line, with line ends and without."""
    rest = private.partition("\n")[2]
    # The marks at the end are no secret, and their words are in the sentence.
    rest = re.sub(r"-{4,5}END .*", "", rest)
    return runs(rest, 8) | runs(re.sub(r"\s", "", rest), 8)
