# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Texts that people give instead of a public key: a sentence for each kind, with its name and a remedy.

Pure. No sentence repeats the text, because it may be part of a private key. The exceptions are the label of a PEM block
and the name of a key type, and only in the form of the standards.

Formats: sshd(8) "AUTHORIZED_KEYS FILE FORMAT" and "SSH_KNOWN_HOSTS FILE FORMAT", RFC 7468 (PEM labels), RFC 5280
section 4.1.2.7 (SubjectPublicKeyInfo), RFC 4250 section 4.11.3 (names of key types).
"""

from __future__ import annotations

import base64
import binascii
import re

# The name of a key type (RFC 4250 section 4.6.1): at most 64 characters; names with an @ are a vendor's.
_TYPE_NAME = r"[a-z][a-z0-9]{0,20}-[a-z0-9.-]{1,40}(?:@[a-z0-9.-]{1,40})?"
_TYPE = re.compile(_TYPE_NAME)
# All present and past key types of OpenSSH, anywhere in a text.
_KNOWN_TYPE_NAME = (
    r"(?:ssh-(?:rsa|dss|ed25519|ed448|xmss)|ecdsa-sha2-[a-z0-9.-]{1,20}|sk-[a-z0-9-]{1,30})(?:@openssh\.com)?"
)
# A blob begins with the length of its type, a number below 256: in base64, with AAAA.
_BLOB = "AAAA[A-Za-z0-9+/]{2}"
_KEY = rf"{_KNOWN_TYPE_NAME}(?:[^A-Za-z0-9+/=]|\\[nrt]){{0,8}}"
_TYPE_AND_BLOB = re.compile(rf"{_KEY}(?={_BLOB})")
# The next three characters encode the rest of that number and the first letters of the type.
_ANY_BLOB = re.compile(r"(?=AAAA[A-W][GHWXmn23][BFJNRVZdhlptx159])")
_BEGINNING_OF_BLOCK = re.compile(r"BEGIN [A-Z0-9 ]{0,40}PUBLIC KEY ?--")
# Before a commented-out key there are only blanks, or options (sshd(8)), which have blanks only in quotes.
_OPTION_BEFORE_KEY = r"[a-z0-9-]+(?:=\"(?:[^\"\\]|\\.)*\")?"
_COMMENTED_OUT = re.compile(
    rf"#+[ \t]*(?:{_OPTION_BEFORE_KEY}(?:,{_OPTION_BEFORE_KEY})*[ \t]+)?{_KEY}{_BLOB}", re.IGNORECASE
)

SEVERAL_KEYS_ON_A_LINE = (
    "There are several keys on one line: OpenSSH reads the first one, and the others as its comment. Give one key per "
    "line, or a list with one key per element. Ansible's lookup() joins its results with commas: use "
    "query(), which returns a list, such as query('ansible.builtin.file', 'alice.pub', 'bob.pub')."
)
KEY_IN_COMMENT = (
    "The line begins with #, and contains a key after other words, as if the key had been joined to a comment. Put the "
    "key on a separate line. To comment it out, put it directly after the #."
)


def type_inside(encoded: str) -> str:
    """Return the key type that a base64 blob begins with (RFC 4253 section 6.6), or an empty string."""
    try:
        # The type is within the first 92 characters of base64, whatever damage follows.
        head = base64.b64decode(encoded[: min(92, len(encoded) // 4 * 4)])
        length = int.from_bytes(head[:4], "big")
        found = head[4 : 4 + length].decode("ascii") if 0 < length <= len(head) - 4 else ""
    except (binascii.Error, ValueError):
        return ""
    return found if _TYPE.fullmatch(found) else ""


def holds_several_keys(line: str) -> bool:
    """Return whether a line holds more than one key, however they are joined.

    A key is a type and its base64, base64 that begins as a key does, or the first line of a PEM or RFC 4716 block.
    The name of a type alone is not a key.
    """
    # A PEM block is one key, and the blob of a certificate also contains the key of its authority.
    if line.startswith("-----BEGIN") or _CERTIFICATE.match(line):
        return False
    if _BEGINNING_OF_BLOCK.search(line):
        return True
    starts = {found.end() for found in _TYPE_AND_BLOB.finditer(line)}
    starts |= {found.start() for found in _ANY_BLOB.finditer(line) if type_inside(_base64_at(line, found.start()))}
    return len(starts) > 1


def holds_key(line: str) -> bool:
    """Return whether a line contains a key type with its base64."""
    return bool(_TYPE_AND_BLOB.search(line))


def comment_hides_key(line: str) -> bool:
    """Return whether a line that begins with ``#`` contains a key that may be there by mistake.

    That is a key after other words, to which it may have been joined. A key that was commented out on purpose is
    directly after the ``#``, or after its options.
    """
    return holds_key(line) and (not _COMMENTED_OUT.match(line) or holds_several_keys(line))


def _base64_at(text: str, start: int) -> str:
    found = _START_OF_BASE64.match(text, start)
    return found[0] if found else ""


# The part that type_inside reads.
_START_OF_BASE64 = re.compile(r"[A-Za-z0-9+/]{0,92}")


def sentence_for_line(line: str) -> str:
    """Return a sentence for a line that is not ``type base64 comment`` of a supported type, or an empty string.

    line: one line without blanks around it, or a whole PEM block.
    """
    pem = _PEM.match(line)
    if pem:
        return _sentence_for_pem(" ".join(pem[1].split()), line[pem.end() :])
    for beginning, sentence in _BEGINNINGS:
        if beginning.match(line):
            return sentence
    return _sentence_for_prefix(line)


_CERTIFICATE = re.compile(r"\S*-cert-v0")
_BEGINNINGS = (
    (
        re.compile(r"-----BEGIN"),
        "It is PEM, not an OpenSSH public key. Give the .pub file of the key pair.",
    ),
    (
        _CERTIFICATE,
        (
            "It is an OpenSSH certificate, which neither service accepts. Give the plain public key, the file without "
            "-cert in its name."
        ),
    ),
    (
        re.compile(r"(?:https?|ftp|s3|file)://\S+$", re.IGNORECASE),
        (
            "It is a URL, not a key. Read the keys at a URL with query('ansible.builtin.url', URL), which returns a "
            "list with an element for each line. If the option takes one key, give one element of the list."
        ),
    ),
    (
        re.compile(r"<(?:!doctype|html|\?xml)", re.IGNORECASE),
        (
            "It is a page of HTML or XML, not a public key. Check the URL or the file that it came from: GitHub has "
            "the keys of a user at https://github.com/USER.keys."
        ),
    ),
    (
        re.compile(rf"[,;]\s*{_KNOWN_TYPE_NAME}\s"),
        (
            "There is a comma or a semicolon before the key type, as if texts had been joined and the first one was "
            "empty. Ansible's lookup() joins its results with commas: use query(), which returns a list."
        ),
    ),
    (
        re.compile(r"[\[({]\s*[\"'\[{]|[\"']"),
        (
            "It begins with a bracket or a quote instead of a key type, like a list or JSON that was turned into text. "
            "Give the keys themselves, as a list."
        ),
    ),
    (
        re.compile(r"[A-Za-z0-9+/=]{32,}(\s|$)"),
        (
            "It is base64 without a key type before it, perhaps the inside of a private key. No part of it was sent or "
            "is shown here. Give a line as in a .pub file."
        ),
    ),
)


# -- Something before the key: options, or the names of a host ---------------------------------------------------------

_AFTER_SOMETHING = re.compile(rf"[ \t]{_KNOWN_TYPE_NAME}[ \t]+AAAA")
# sshd(8), "AUTHORIZED_KEYS FILE FORMAT"; option names are not case-sensitive.
_OPTION = re.compile(
    r"(command|environment|expiry-time|from|permitlisten|permitopen|principals|tunnel)=|"
    r"(agent-forwarding|cert-authority|no-[a-z0-9-]+|port-forwarding|pty|restrict|touch-required|user-rc"
    r"|verify-required|x11-forwarding)(?=,|\s|$)",
    re.IGNORECASE,
)
# Names, addresses, [host]:port, patterns with * ? !, and the hashed form |1|salt|hash; no blank, no quote.
_HOSTS = re.compile(r"(?:@(?:cert-authority|revoked)[ \t]+)?[A-Za-z0-9_.*?!\[\]:,%|+/=-]*[A-Za-z0-9_.*?\]|=]")
_ROLE_OF_HOST_KEY = {
    "@cert-authority": "the key of a certificate authority for hosts",
    "@revoked": "a revoked key of a host",
}


def _sentence_for_prefix(line: str) -> str:
    found = _AFTER_SOMETHING.search(line)
    if not found:
        return ""
    before = line[: found.start()].rstrip()
    if re.fullmatch("[A-Za-z_]+", before) and not _OPTION.match(before):
        return (
            "There is a name before the key type: of a host, as in known_hosts, or of a person. If it is a host, this "
            "is not the key of a user. Give a line as in the .pub file of the user."
        )
    if not _OPTION.match(before) and _HOSTS.fullmatch(before):
        role = _ROLE_OF_HOST_KEY.get(before.split()[0], "the key of a host, as ssh-keyscan prints it")
        return (
            f"It is a line of known_hosts: {role}. Give the .pub file of the user. Without the names before it, the "
            "line would give access to that key."
        )
    if _OPTION.match(before):
        return (
            "There are authorized_keys options before the key type, and neither service honours them. Remove all text "
            "before the key type."
        )
    return "There is other text before the key type. Remove it."


# -- PEM ---------------------------------------------------------------------------------------------------------------

# RFC 7468 section 3 allows more characters in a label, but they are not used.
_PEM = re.compile(r"-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,39})-----")
_WHAT_PEM_IS = {
    "CERTIFICATE": "an X.509 certificate",
    "X509 CERTIFICATE": "an X.509 certificate",
    "TRUSTED CERTIFICATE": "an X.509 certificate",
    "CERTIFICATE REQUEST": "a certificate signing request",
    "NEW CERTIFICATE REQUEST": "a certificate signing request",
    "X509 CRL": "a list of revoked certificates",
    "PKCS7": "a PKCS #7 message",
    "CMS": "a CMS message",
    "SSH SIGNATURE": "a signature made by ssh-keygen",
    "PGP PUBLIC KEY BLOCK": "an OpenPGP key",
}
_SHOWS_THE_KEY = {
    "an X.509 certificate": " openssl x509 -pubkey shows which key the certificate is for.",
    "a certificate signing request": " openssl req -pubkey shows which key the request is for.",
    "an OpenPGP key": " gpg --export-ssh-key prints its authentication subkey, if it has one, for OpenSSH.",
}
# Object identifiers in DER, and the name of the algorithm (RFC 3279, RFC 5480, RFC 8410). ssh-keygen converts only RSA
# and the three curves of OpenSSH.
_RSA_KEY, _ELLIPTIC_CURVE_KEY = bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a8648ce3d0201")
_DSA_KEY = bytes.fromhex("2a8648ce380401")
_CURVES_OF_OPENSSH = tuple(bytes.fromhex(oid) for oid in ("2a8648ce3d030107", "2b81040022", "2b81040023"))
_OTHER_KEYS = {
    bytes.fromhex("06032b6570"): "Ed25519",
    bytes.fromhex("06032b6571"): "Ed448",
    bytes.fromhex("06032b656e"): "X25519",
    bytes.fromhex("06032b656f"): "X448",
    bytes.fromhex("2a864886f70d01010a"): "RSA-PSS",
}
_CONVERTIBLE = (
    "It is PEM, not an OpenSSH public key. Convert it: ssh-keygen -i -m PKCS8 -f FILE "
    "(for BEGIN RSA PUBLIC KEY: -m PEM)."
)
# The first bytes of a SubjectPublicKeyInfo, which name the algorithm.
_ALGORITHM_WITHIN = 40


def _sentence_for_pem(label: str, body: str) -> str:
    if label == "RSA PUBLIC KEY":
        return _CONVERTIBLE
    if label == "PUBLIC KEY":
        return _sentence_for_subject_public_key_info(body)
    what = _WHAT_PEM_IS.get(label, f"a block of type {label}")
    advice = _SHOWS_THE_KEY.get(what, "")
    return f"It is PEM, {what} and not a public key. Give the .pub file of the key pair.{advice}"


def _sentence_for_subject_public_key_info(body: str) -> str:
    # Line breaks may have become text, as in JSON.
    encoded = re.sub(r"\\[nrt]|[^A-Za-z0-9+/]", "", body.partition("-----")[0])
    try:
        algorithm = base64.b64decode(encoded + "=" * (-len(encoded) % 4))[:_ALGORITHM_WITHIN]
    except binascii.Error:
        algorithm = b""
    if _DSA_KEY in algorithm:
        return "It is PEM, a DSA key, which neither service accepts. Make a new one: ssh-keygen -t ed25519."
    if _RSA_KEY in algorithm or (
        _ELLIPTIC_CURVE_KEY in algorithm and any(curve in algorithm for curve in _CURVES_OF_OPENSSH)
    ):
        return _CONVERTIBLE
    names = [name for oid, name in _OTHER_KEYS.items() if oid in algorithm]
    kind = f"of type {names[0]}, which" if names else "of a type that"
    return (
        f"It is PEM, a public key {kind} ssh-keygen cannot convert. Give the .pub file of the key pair, or make a new "
        "pair: ssh-keygen -t ed25519."
    )


# -- Key types that neither service accepts ----------------------------------------------------------------------------


def sentence_for_type(key_type: str, encoded: str) -> str:
    """Return a sentence about a key of an unsupported type, or an empty string if it is not a key.

    key_type, encoded: the first two words of the line.
    """
    if re.match("(webauthn-)?sk-(ssh|ecdsa)-", key_type):
        return (
            "It is the key of a FIDO security key (sk-), which neither service accepts. Make one without hardware: "
            "ssh-keygen -t ed25519."
        )
    inside = type_inside(encoded)
    if key_type.startswith("rsa-sha2-") and inside == "ssh-rsa":
        return "It begins with the name of a signature algorithm, and the type of the key is ssh-rsa. Write ssh-rsa."
    if not inside or inside != key_type:
        return ""
    return f"Its key type is {key_type}, which neither service accepts. Make a new one: ssh-keygen -t ed25519."
