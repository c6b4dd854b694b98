# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys for the tests, and what ``ssh-keygen`` says of them. Nothing here knows the collection's own parser."""

from __future__ import annotations

import base64
import os
import re
import struct
import subprocess
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

# kind of key -> how ssh-keygen makes it. DSA is not among them: OpenSSH 10 cannot make it any more.
MAKE: dict[str, tuple[str, ...]] = {
    "ed25519": ("-t", "ed25519"),
    "ecdsa-256": ("-t", "ecdsa", "-b", "256"),
    "ecdsa-384": ("-t", "ecdsa", "-b", "384"),
    "ecdsa-521": ("-t", "ecdsa", "-b", "521"),
    "rsa-1024": ("-t", "rsa", "-b", "1024"),
    "rsa-2048": ("-t", "rsa", "-b", "2048"),
    "rsa-3072": ("-t", "rsa", "-b", "3072"),
    "rsa-4096": ("-t", "rsa", "-b", "4096"),
}
COMMENT = "somebody@example.com"
# Those that are made in no time. The long RSA keys are made for one test only, lest every worker makes them.
KINDS = ("ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa-1024", "rsa-2048")

# The types that can be read.
ED25519_TYPE, RSA_TYPE, DSS_TYPE = "ssh-ed25519", "ssh-rsa", "ssh-dss"
ECDSA_TYPES = ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
TYPES = (ED25519_TYPE, RSA_TYPE, DSS_TYPE, *ECDSA_TYPES)
# One key of each type, the quickest to make.
KIND_OF_TYPE = {
    ED25519_TYPE: "ed25519",
    RSA_TYPE: "rsa-1024",
    **{f"ecdsa-sha2-nistp{bits}": f"ecdsa-{bits}" for bits in (256, 384, 521)},
}
CURVES = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}


class KeyPair(NamedTuple):
    """A key pair as ssh-keygen writes it: the line of the public file, and the text of the private one."""

    line: str
    private: str

    @property
    def type(self) -> str:
        """The first word of the line."""
        return self.line.split(" ")[0]

    @property
    def encoded(self) -> str:
        """The second word of the line."""
        return self.line.split(" ")[1]

    @property
    def blob(self) -> bytes:
        """The key in wire format."""
        return base64.b64decode(self.encoded)

    @property
    def bare(self) -> str:
        """The line without its comment."""
        return f"{self.type} {self.encoded}"


class Truth(NamedTuple):
    """What ``ssh-keygen -l`` prints of a key."""

    bits: int
    fingerprint: str
    comment: str
    kind: str


def ssh_keygen(*arguments: str) -> str:
    """Run ssh-keygen, which must succeed, and return what it printed."""
    done = _run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def make_key_file(path: Path, comment: str, key_type: str = "ed25519", *options: str) -> str:
    """Make a key pair: ``path`` and ``path.pub``. Returns the line of the public key."""
    ssh_keygen("-q", "-t", key_type, *options, "-N", "", "-C", comment, "-f", str(path))
    return Path(f"{path}.pub").read_text(encoding="utf-8").strip()


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen with nobody to ask. What it prints stays bytes, to keep a carriage return what it is."""
    return subprocess.run(
        ["ssh-keygen", *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


@cache
def key_pair(kind: str, comment: str = COMMENT, passphrase: str = "") -> KeyPair:
    """Make a key pair of a kind, once for each set of arguments."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "key")
        ssh_keygen("-q", *MAKE[kind], "-N", passphrase, "-C", comment, "-f", str(path))
        line = path.with_suffix(".pub").read_text(encoding="utf-8").rstrip("\n")
        return KeyPair(line, path.read_text(encoding="utf-8"))


def runs(text: str, length: int) -> set[str]:
    """Return every part of a text that is so long."""
    return {text[start : start + length] for start in range(len(text) - length + 1)}


def certificate_line() -> str:
    """Make an OpenSSH certificate, and return the line of its file."""
    with tempfile.TemporaryDirectory() as folder:
        authority, user = Path(folder, "authority"), Path(folder, "user")
        for path in (authority, user):
            ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", COMMENT, "-f", str(path))
        ssh_keygen("-q", "-s", str(authority), "-I", "identity", "-n", "principal", f"{user}.pub")
        return Path(f"{user}-cert.pub").read_text(encoding="utf-8").rstrip("\n")


def truth_about(text: str) -> list[Truth]:
    """Return what ``ssh-keygen -l`` prints of the keys in a file of this text; it passes over what is no key."""
    return _listed(text, "sha256")


def md5_truth_about(text: str) -> list[Truth]:
    """Return the same with MD5 fingerprints."""
    return _listed(text, "md5")


def accepted_by_ssh_keygen(lines: Iterable[str]) -> dict[int, Truth]:
    """Ask ssh-keygen about many lines at once: position -> what it prints, for each line that it takes for a key.

    lines: each two words, type and base64. ssh-keygen passes over lines that hold no key, so that the position is given
    to each as its comment. A refused line is tried again as host name or options before a key, and then the base64
    would have to be the name of a key type, which it never is.
    """
    text = "".join(f"{line} {position}\n" for position, line in enumerate(lines))
    found = truth_about(text)
    accepted = {int(truth.comment): truth for truth in found}
    assert len(accepted) == len(found)
    return accepted


def knows_dss() -> bool:
    """Whether this ssh-keygen still reads ssh-dss keys."""
    return bool(truth_about(line_of(dss_blob())))


def _listed(text: str, digest: str) -> list[Truth]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "keys")
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        # It fails when there is no key at all, which is an answer too.
        printed = _run("-l", "-E", digest, "-f", str(path)).stdout.decode()
    matches = (re.fullmatch(r"(\d+) (\S+) (.*) \((\S+)\)", line) for line in printed.split("\n"))
    return [Truth(int(match[1]), match[2], match[3], match[4]) for match in matches if match]


# -- Keys in wire format, made by hand --------------------------------------------------------------------------------


def string(value: bytes) -> bytes:
    """Write a string (RFC 4251 section 5)."""
    return struct.pack(">I", len(value)) + value


def mpint(value: int) -> bytes:
    """Write a positive number (RFC 4251 section 5)."""
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big") if value else b"")


def rsa_blob(modulus: int, exponent: int = 65537) -> bytes:
    """Write an ssh-rsa key (RFC 4253 section 6.6). Any number does for a modulus as far as the form goes."""
    return string(b"ssh-rsa") + mpint(exponent) + mpint(modulus)


def rsa_line(bits: int) -> str:
    """Write an RSA key of a length, without the wait for its primes."""
    return line_of(rsa_blob((1 << (bits - 1)) | 1))


def dss_blob(bits: int = 1024) -> bytes:
    """Write an ssh-dss key (RFC 4253 section 6.6)."""
    numbers = ((1 << (bits - 1)) | 1, (1 << 159) | 1, 2, 3)
    return string(b"ssh-dss") + b"".join(mpint(number) for number in numbers)


def ed25519_blob(public: bytes) -> bytes:
    """Write an ssh-ed25519 key (RFC 8709 section 4). Any 32 bytes do as far as the form goes."""
    return string(b"ssh-ed25519") + string(public)


def ecdsa_blob(bits: int, x: int, y: int) -> bytes:
    """Write an ecdsa-sha2-nistp key (RFC 5656 section 3.1)."""
    name, size = f"nistp{bits}".encode(), (bits + 7) // 8
    point = b"\x04" + x.to_bytes(size, "big") + y.to_bytes(size, "big")
    return string(b"ecdsa-sha2-" + name) + string(name) + string(point)


def blob_of_type(key_type: str) -> bytes:
    """Return a key of a type in wire format."""
    return dss_blob() if key_type == DSS_TYPE else key_pair(KIND_OF_TYPE[key_type]).blob


def security_key_blobs() -> dict[str, bytes]:
    """Write keys of FIDO security keys (PROTOCOL.u2f of OpenSSH): type -> blob."""
    ecdsa, ed25519 = b"sk-ecdsa-sha2-nistp256@openssh.com", b"sk-ssh-ed25519@openssh.com"
    return {
        ecdsa.decode(): string(ecdsa) + key_pair("ecdsa-256").blob[4 + len("ecdsa-sha2-nistp256") :] + string(b"ssh:"),
        ed25519.decode(): string(ed25519) + string(b"\x01" * 32) + string(b"ssh:"),
    }


def line_of(blob: bytes, comment: str = "") -> str:
    """Write a key as a line; its type is what the blob begins with."""
    length = int.from_bytes(blob[:4], "big")
    return f"{blob[4 : 4 + length].decode()} {base64.b64encode(blob).decode()} {comment}".rstrip(" ")
