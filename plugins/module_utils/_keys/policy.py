# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The public keys that EC2 Instance Connect and Transfer Family accept, and the text to send. Pure."""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError, UnsupportedTypeError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey


def judge_for_instance_connect(key: PublicKey) -> list[str]:
    """Judge whether EC2 Instance Connect can use a key. Returns warnings.

    Raises PublicKeyError also for keys that the service accepts but the instance ignores: its AuthorizedKeysCommand
    reads only lines that begin with ``ssh``.
    """
    if key.type.startswith("ecdsa-"):
        raise PublicKeyError(
            f"EC2 Instance Connect accepts {key.type} keys, but the instance ignores them and refuses ssh. Use "
            "ssh-ed25519 or ssh-rsa: ssh-keygen -t ed25519."
        )
    return _judge(key, "EC2 Instance Connect", max_length=4096)


def judge_for_transfer(key: PublicKey) -> list[str]:
    """Judge whether Transfer Family can use a key. Returns warnings. Raises PublicKeyError if it cannot."""
    return _judge(key, "Transfer Family", max_length=_TRANSFER_MAX_LENGTH)


def judge_for_removal(_key: PublicKey) -> list[str]:
    """Accept any key: a key to remove may be one that the service would refuse today."""
    return []


def transfer_body(key: PublicKey) -> str:
    """Return the text for Transfer Family: the key with as much of its comment as fits.

    SshPublicKeyBody has at most 2048 characters (API page of ImportSshPublicKey).
    """
    return key.line_with_comment[:_TRANSFER_MAX_LENGTH].rstrip()


_TRANSFER_MAX_LENGTH = 2048


def _judge(key: PublicKey, service: str, *, max_length: int) -> list[str]:
    if key.type == "ssh-dss":
        raise UnsupportedTypeError(
            f"It is an ssh-dss key, which {service} and OpenSSH no longer use. Make a new one: ssh-keygen -t ed25519.",
            key.type,
            key.name,
        )
    if len(key.line) > max_length:
        raise PublicKeyError(
            f"It has {len(key.line)} characters, and {service} accepts at most {max_length}. Use a shorter RSA key or "
            "an ssh-ed25519 one: ssh-keygen -t ed25519."
        )
    # NIST SP 800-57 part 1: 112 bits of security need RSA 2048.
    if key.type == "ssh-rsa" and key.bits < 2048:
        return [
            f"The key {key.name} is RSA with {key.bits} bits, which is weak: use 2048 bits or more, or ssh-ed25519."
        ]
    return []
