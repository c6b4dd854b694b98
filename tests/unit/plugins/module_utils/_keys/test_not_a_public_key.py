# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people give in place of a public key: each thing has a sentence of its own."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.not_a_public_key import (
    comment_hides_key,
    holds_key,
    holds_several_keys,
    sentence_for_line,
    sentence_for_type,
    type_inside,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key, parse_public_keys
from ansible_collections.sshkeys.aws.tests.unit import keys
from ansible_collections.sshkeys.aws.tests.unit.keys import (
    ED25519_TYPE,
    KIND_OF_TYPE,
    KINDS,
    TYPES,
    key_pair,
    line_of,
    rsa_line,
    ssh_keygen,
)
from ansible_collections.sshkeys.aws.tests.unit.private_keys import PEM, private_key_of
from ansible_collections.sshkeys.aws.tests.unit.refusals import refusal
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, x25519
from hypothesis import given, strategies as st

# -- Several keys on one line -----------------------------------------------------------------------------------------

JOINTS = {
    "comma": ",",
    "comma and blank": ", ",
    "blank": " ",
    "tab": "\t",
    "semicolon": ";",
    "escaped line end": "\\n",
    "escaped CRLF": "\\r\\n",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "next line": "\x85",
    "no-break space": "\u00a0",
    "BOM": "\ufeff",
    "bar": "|",
    "words": " and ",
    "nothing": "",
}
SEVERAL = "There are several keys on one line"


@pytest.mark.parametrize("joint", JOINTS)
@pytest.mark.parametrize("kind", ["ed25519", "rsa-2048", "ecdsa-256"])
@pytest.mark.parametrize("with_comment", [True, False])
def test_a_key_after_a_key_is_not_lost(joint: str, kind: str, with_comment: bool) -> None:
    first, second = key_pair(kind), key_pair("ecdsa-521")
    for text in (
        f"{first.line if with_comment else first.bare}{JOINTS[joint]}{second.line}",
        f"{first.line} {JOINTS[joint]}{second.encoded}",
        f"{first.line}{JOINTS[joint]}{line_of(keys.security_key_blobs()['sk-ssh-ed25519@openssh.com'])}",
    ):
        assert refusal(text).startswith(SEVERAL)
        assert (
            refusal(text, parse_public_key)
            == f"{refusal(text)} Only one key is allowed here: give one element of the list."
        )
        said = refusal(f"{second.line}\n{text}")
        assert said.startswith(f"Line 2: {SEVERAL}")
        assert "query(" in said
        assert "a list" in said


@pytest.mark.parametrize(
    "comment", ["my ssh-rsa key", "ssh-rsa", "was ssh-rsa AAAA...", "a,ssh-ed25519", "ssh-rsa AAAA", "AAAAAAAAAAAA"]
)
def test_a_comment_that_only_mentions_a_type_stays_a_comment(comment: str) -> None:
    assert parse_public_key(f"{key_pair('ed25519').bare} {comment}").comment == comment


@pytest.mark.parametrize(
    "before",
    [
        "# end,",
        "# end",
        "# end;",
        "# end\\n",
        "# end\u2028",
        "# end\x0b",
        "#end\x85",
        "# Alice's keys ",
        "# (",
        "# a, b ",
    ],
)
def test_a_key_that_was_joined_to_a_comment_line_is_not_lost(before: str) -> None:
    text = f"{key_pair('ed25519').line}\n{before}{key_pair('rsa-2048').line}\n"
    assert refusal(text).startswith("Line 2: The line begins with #, and contains a key after other words")


def test_a_key_that_was_joined_to_a_commented_out_one_is_not_lost() -> None:
    text = f"{key_pair('ed25519').line}\n#{key_pair('rsa-2048').line},{key_pair('ecdsa-256').line}\n"
    assert refusal(text).startswith("Line 2: The line begins with #")


@pytest.mark.parametrize(
    "before", ["#", "# ", "#\t", "## ", '# from="192.0.2.1",no-pty ', "# restrict ", '#command="echo a b" ']
)
def test_a_key_that_was_commented_out_is_passed_over(before: str) -> None:
    pair = key_pair("ed25519")
    assert [key.blob for key in parse_public_keys(f"{before}{key_pair('rsa-2048').line}\n{pair.line}")] == [pair.blob]


@given(
    st.lists(st.sampled_from(sorted(KIND_OF_TYPE.values())), min_size=2, max_size=4, unique=True),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=3),
    st.booleans(),
)
def test_however_lines_are_joined_no_key_is_lost(kinds: list[str], joint: str, with_comment: bool) -> None:
    text = joint.join(key_pair(kind).line if with_comment else key_pair(kind).bare for kind in kinds)
    assert SEVERAL in refusal(text)


def test_a_long_line_is_read_in_no_time() -> None:
    # A pattern that tries each beginning with each end would take hours.
    for text in (
        "sk-" * 100_000,
        "AAAA" * 100_000,
        "ssh-rsa " * 50_000,
        "-----BEGIN " * 50_000,
        "a," * 200_000,
        "x" + " " * 500_000 + "y",
        "x" + "\t" * 500_000 + "ssh-rsa y",
        "# " + "a.b" * 200_000 + " ssh-rsa AAAAB3",
        "BEGIN" * 200_000,
        "A" * 1_000_000,
    ):
        refusal(f"{key_pair('ed25519').line}\n{text}")
    for text in ("# " + "a" * 500_000 + " ssh-rsa AAAAB3", "# " + "a-," * 200_000 + "a ssh-rsa AAAAB3"):
        parse_public_keys(f"{key_pair('ed25519').line}\n{text}")
    for text in ("sk-" * 100_000, "AAAA" * 100_000, "a," * 200_000):
        parse_public_key(f"{key_pair('ed25519').bare} {text}")


# -- What else is refused ---------------------------------------------------------------------------------------------


def pem_public_key() -> str:
    public = private_key_of("rsa-2048").public_key()
    return public.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def pkcs1_public_key() -> str:
    public = private_key_of("rsa-2048").public_key()
    return public.public_bytes(PEM, serialization.PublicFormat.PKCS1).decode()


def x509_certificate() -> str:
    name, now = x509.Name([]), datetime.now(tz=UTC)
    private = private_key_of("rsa-2048")
    builder = x509.CertificateBuilder(name, name, private.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(private, hashes.SHA256()).public_bytes(PEM).decode()


def x509_request() -> str:
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(private_key_of("rsa-2048"), hashes.SHA256())
    return request.public_bytes(PEM).decode()


def pem_of(private: Any) -> str:
    """Return the public half as SubjectPublicKeyInfo."""
    text: str = private.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return text


CURVES_OF_OPENSSH = (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())


def broken_at(position: int) -> Callable[[], str]:
    def make() -> str:
        line = key_pair("rsa-2048").line
        return f"{line[:position]}\n{line[position:]}"

    return make


def before_a_key(text: str) -> Callable[[], str]:
    return lambda: f"{text} {key_pair('ed25519').line}"


def whole_key_of_type(key_type: str) -> Callable[[], str]:
    """Return a maker of a key of a type that OpenSSH may have and we do not read: strings after the name."""
    return lambda: line_of(keys.string(key_type.encode()) + keys.string(b"\x07" * 57), "newer")


OPTIONS = (
    "restrict",
    "no-pty",
    "no-pty,no-port-forwarding",
    'command="/bin/true"',
    'command="echo hello world"',
    'command="echo \\"quoted\\" words"',
    'from="192.0.2.0/24,*.example.com",no-pty',
    'environment="NAME=a b",restrict',
    "cert-authority",
    'expiry-time="20300101"',
)

# Sentence that is expected -> texts of that kind.
REFUSED: dict[str, Sequence[Callable[[], str]]] = {
    r"^(Line 1: )?It is an OpenSSH certificate": [keys.certificate_line],
    r"^(Line 1: )?It is the key of a FIDO security key": [
        lambda: line_of(keys.security_key_blobs()["sk-ssh-ed25519@openssh.com"]),
        lambda: line_of(keys.security_key_blobs()["sk-ecdsa-sha2-nistp256@openssh.com"], "token"),
    ],
    r"^(Line 1: )?There are authorized_keys options before": [
        *map(before_a_key, OPTIONS),
        lambda: f"restrict\t{key_pair('rsa-1024').line}",
        lambda: f"no-pty {key_pair('ecdsa-521').bare}",
        lambda: f"restrict {line_of(keys.dss_blob())}",
    ],
    r"^It is a line of known_hosts": [
        *map(
            before_a_key,
            (
                "sftp.example.com",
                "sftp.example.com,192.0.2.1",
                "[sftp.example.com]:2222,[192.0.2.1]:2222",
                "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=",
                "*.example.com,!bad.example.com",
                "2001:db8::1",
                "i-0123456789abcdef0",
                "@cert-authority *.example.com",
                "@cert-authority\t*",
                "@revoked *",
                # Hosts whose names begin as options do.
                "no-reply.example.com",
                "pty1.example.com",
                "restricted.example.com",
                "user-rc.example.com,192.0.2.1",
            ),
        ),
        lambda: f"sftp.example.com {key_pair('rsa-2048').bare}",
        lambda: f"sftp.example.com\t{key_pair('ecdsa-256').bare}",
    ],
    r"^There is other text before the key type\.": [before_a_key("key:"), before_a_key("-")],
    r"^Line 1: It is PEM, not an OpenSSH public key": [
        pem_public_key,
        pkcs1_public_key,
        *(lambda curve=curve: pem_of(ec.generate_private_key(curve)) for curve in CURVES_OF_OPENSSH),
    ],
    r"^Line 1: It is PEM, an X\.509 certificate": [x509_certificate],
    r"^Line 1: It is PEM, a certificate signing request": [x509_request],
    r"^Line 1: It is PEM, a public key of type Ed25519": [lambda: pem_of(ed25519.Ed25519PrivateKey.generate())],
    r"^Line 1: It is PEM, a public key of type X25519": [lambda: pem_of(x25519.X25519PrivateKey.generate())],
    r"^Line 1: It is PEM, a public key of a type": [
        lambda: pem_of(ec.generate_private_key(ec.SECP256K1())),
        lambda: "-----BEGIN PUBLIC KEY-----\nMC\n-----END PUBLIC KEY-----\n",
    ],
    r"^Line 1: It is PEM, a DSA key": [lambda: pem_of(dsa.generate_private_key(1024))],  # noqa: S505
    r"^Line 1: It is PEM, an OpenPGP key": [
        lambda: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n-----END PGP PUBLIC KEY BLOCK-----\n"
    ],
    r"^Line 1: It is PEM, a block of type DH PARAMETERS": [
        lambda: "-----BEGIN DH PARAMETERS-----\nMIIB\n-----END DH PARAMETERS-----\n",
    ],
    r"^Its key type is (ssh-ed448|ssh-xmss@openssh\.com|ecdsa-sha2-nistk163), which neither service accepts": [
        *map(whole_key_of_type, ("ssh-ed448", "ssh-xmss@openssh.com", "ecdsa-sha2-nistk163")),
        # As other tools cut them short.
        lambda: "ssh-ed448 AAAACXNzaC1lZDQ0OAAAADkx",
        lambda: "ssh-xmss@openssh.com AAAAFHNzaC14bXNzQG9wZW5zc2guY29t",
    ],
    r"^It begins with the name of a signature algorithm": [
        lambda: f"rsa-sha2-256 {key_pair('rsa-2048').encoded}",
        lambda: f"rsa-sha2-512 {key_pair('rsa-1024').encoded} somebody",
        lambda: "rsa-sha2-512 AAAAB3NzaC1yc2EAAAADAQAB",
    ],
    r"^It is a URL": [lambda: "https://github.com/USER.keys", lambda: "HTTP://example.com/a.pub "],
    r"^It is a page of HTML": [lambda: "<!DOCTYPE html>", lambda: "<html><body>Not found</body></html>"],
    r"^There is a comma or a semicolon before the key type": [
        lambda: f",{key_pair('ed25519').line}",
        lambda: f"; {key_pair('rsa-2048').line}",
    ],
    r"with a bracket or a quote": [
        lambda: f"'{key_pair('ed25519').line}'",
        lambda: f"[{key_pair('ed25519').line!r}]",
        lambda: f'[{{"id": 1, "key": "{key_pair("ed25519").bare}"}}]',
    ],
    r"^It is empty": [
        lambda: "",
        lambda: " ",
        lambda: " \t\r\n\n ",
        lambda: "\ufeff",
        lambda: "\ufeff\n \ufeff",
        lambda: "# no key here",
        lambda: f"\n#{key_pair('ed25519').line}\n\n# nor here\n",
    ],
    r"^There is nothing after ": [key_type.__str__ for key_type in TYPES],
    r"^The key type is missing": [
        lambda: key_pair("ed25519").encoded,
        lambda: f"{key_pair('rsa-2048').encoded} {keys.COMMENT}",
        lambda: key_pair("ecdsa-256").encoded,
    ],
    r"two keys were mixed up": [lambda: f"ssh-rsa {key_pair('ed25519').encoded}"],
    r"^(Line 1: )?The base64 part of the key is damaged or cut short, often by a line break": [
        lambda: key_pair("ed25519").bare[:-1],
        lambda: key_pair("ed25519").bare + "=",
        lambda: f"{key_pair('ed25519').bare}!",
        lambda: f"{ED25519_TYPE} AAAA",
        lambda: f"{ED25519_TYPE} {keys.COMMENT}",
        *map(broken_at, (9, 10, 11, 12, 20, 72, 80, 300)),
    ],
    r"^(Line 1: )?A character in the key or before it is not ASCII": [
        lambda: f"\u200b{key_pair('ed25519').line}",
        lambda: f"\u2060{key_pair('ed25519').line}",
        lambda: key_pair("ed25519").line.replace(" ", "\u00a0"),
        lambda: key_pair("ed25519").line.replace(" ", "\u202f", 1),
        lambda: key_pair("rsa-2048").line.replace("ssh-rsa", "ssh\u2011rsa"),
    ],
    r"UTF-16": [
        lambda: "".join(f"{character}\x00" for character in key_pair("ed25519").line),
        lambda: "".join(f"\x00{character}" for character in key_pair("rsa-1024").line),
        lambda: "\udcff\udcfe" + "".join(f"{character}\x00" for character in key_pair("ed25519").line),
    ],
    r"below 1024": [lambda: rsa_line(1023), lambda: rsa_line(512), lambda: rsa_line(1)],
    r"^(Line 1: )?It does not begin with a key type such": [
        lambda: "hello",
        lambda: "/home/somebody/.ssh/id_ed25519.pub",
        lambda: f"ssh-ed448 {key_pair('ed25519').encoded}",
        lambda: f"SSH-RSA {key_pair('rsa-2048').encoded}",
        lambda: f"ssh-{key_pair('rsa-2048').line}",
        broken_at(3),
    ],
    r"extra data": [lambda: f"{ED25519_TYPE} {base64.b64encode(key_pair('ed25519').blob + b'!').decode()}"],
}
REFUSED_TEXTS = [
    pytest.param(sentence, make, id=f"{sentence[:24]}-{number}")
    for sentence, makers in REFUSED.items()
    for number, make in enumerate(makers)
]


@pytest.mark.parametrize(("sentence", "make"), REFUSED_TEXTS)
def test_refusal(sentence: str, make: Callable[[], str]) -> None:
    said = refusal(make())
    assert re.search(sentence, said)
    assert "private key" not in said
    others = [other for other in REFUSED if other != sentence and re.search(other, said)]
    assert not others, "every refusal has a sentence of its own"


@pytest.mark.parametrize(
    "damage",
    [
        lambda pair: f"{pair.type} \u200b{pair.encoded}",
        lambda pair: f"{pair.bare[:40]}\u200b{pair.bare[40:]}",
        lambda pair: f"{pair.bare}\u00a0{keys.COMMENT}",
        lambda pair: f"{pair.bare}\u200b",
    ],
    ids=["zero width before base64", "zero width inside", "no-break space before comment", "zero width after"],
)
def test_invisible_character_beside_the_base64(damage: Callable[[keys.KeyPair], str]) -> None:
    # Whoever is told of a line break looks for one and finds none.
    assert "is not ASCII" in refusal(damage(key_pair("ed25519")))


def test_x509_certificate_is_not_advised_to_be_converted_as_a_key() -> None:
    sentence = refusal(x509_certificate())
    assert "PEM" in sentence
    assert "ssh-keygen -i" not in sentence, "ssh-keygen -i cannot read an X.509 certificate"


@pytest.mark.parametrize("curve", CURVES_OF_OPENSSH, ids=lambda curve: curve.name)
def test_the_advice_for_pem_works_for_each_curve(curve: ec.EllipticCurve, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem_of(ec.generate_private_key(curve)), encoding="utf-8")
    assert "-i -m PKCS8 -f FILE" in refusal(path.read_text(encoding="utf-8"))
    assert parse_public_key(ssh_keygen("-i", "-m", "PKCS8", "-f", str(path))).type.startswith("ecdsa-sha2-nistp")


@pytest.mark.parametrize("make", [ed25519.Ed25519PrivateKey.generate, x25519.X25519PrivateKey.generate])
def test_ssh_keygen_is_not_named_where_it_cannot_convert(make: Callable[[], Any], tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem_of(make()), encoding="utf-8")
    assert "ssh-keygen -i" not in refusal(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("make", [pem_public_key, pkcs1_public_key])
def test_the_advice_for_pem_works(make: Callable[[], str], tmp_path: Path) -> None:
    text = make()
    sentence = refusal(text)
    path = tmp_path / "key.pem"
    path.write_text(text, encoding="utf-8")
    command = re.search(r"ssh-keygen (-i -m PKCS8 -f FILE)", sentence)
    other = re.search(r"for BEGIN RSA PUBLIC KEY: (-m PEM)", sentence)
    assert command
    assert other
    arguments = command[1].replace("-m PKCS8", other[1]) if "BEGIN RSA PUBLIC KEY" in text else command[1]
    converted = ssh_keygen(*shlex.split(arguments.replace("FILE", str(path))))
    assert parse_public_key(converted).blob == key_pair("rsa-2048").blob


def test_the_advice_for_a_missing_type_works() -> None:
    for kind in KINDS:
        pair = key_pair(kind)
        advice = re.search(r"Put (\S+) and a blank before it", refusal(pair.encoded))
        assert advice
        assert parse_public_key(f"{advice[1]} {pair.encoded}").identity == (pair.type, pair.blob)


# -- The functions of the file ----------------------------------------------------------------------------------------

# The same in every worker of the tests, because they stand in the names of tests.
ED25519 = keys.KeyPair(line_of(keys.ed25519_blob(bytes(range(32))), keys.COMMENT), "")
RSA = keys.KeyPair(f"{rsa_line(2048)} {keys.COMMENT}", "")
TOKEN = line_of(keys.security_key_blobs()["sk-ssh-ed25519@openssh.com"], "token")


@pytest.mark.parametrize(
    ("encoded", "found"),
    [
        (ED25519.encoded, ED25519_TYPE),
        (RSA.encoded, "ssh-rsa"),
        (TOKEN.split(" ")[1], "sk-ssh-ed25519@openssh.com"),
        # Whatever damage follows the type.
        (ED25519.encoded[:24], ED25519_TYPE),
        (ED25519.encoded[:28] + "AAAA" * 30 + "!", ED25519_TYPE),
        (ED25519.encoded[:16], ""),
        ("", ""),
        ("AAA", ""),
        ("AAAA", ""),
        ("AAAAAAAA", ""),
        ("/////w==", ""),
        ("größer", ""),
        # No standard gives such names to a type.
        (base64.b64encode(keys.string(b"SSH-RSA") + bytes(32)).decode(), ""),
        (base64.b64encode(keys.string(b"no type") + bytes(32)).decode(), ""),
        (base64.b64encode(keys.string("ssh-größer".encode()) + bytes(32)).decode(), ""),
        (base64.b64encode(keys.string(b"ssh-" + b"a" * 90) + bytes(32)).decode(), ""),
    ],
)
def test_type_inside(encoded: str, found: str) -> None:
    assert type_inside(encoded) == found


@given(st.binary(max_size=80).map(lambda data: base64.b64encode(data).decode()) | st.text(max_size=100))
def test_a_type_inside_is_a_name_or_nothing(encoded: str) -> None:
    found = type_inside(encoded)
    assert re.fullmatch(r"([a-z][a-z0-9]*-[a-z0-9.@-]+)?", found)
    assert not found or base64.b64decode(encoded[:92])[4:].startswith(found.encode())


@pytest.mark.parametrize(
    ("line", "several", "one"),
    [
        ("", False, False),
        ("hello", False, False),
        (ED25519.line, False, True),
        (ED25519.encoded, False, False),
        (f"{ED25519.bare} was ssh-rsa AAAA...", False, True),
        (f"{ED25519.line},{RSA.line}", True, True),
        (f"{ED25519.line},{RSA.encoded}", True, True),
        (f"{ED25519.encoded} {RSA.encoded}", True, False),
        (f"{ED25519.line} ---- BEGIN SSH2 PUBLIC KEY ----", True, True),
        (f"{ED25519.line}\\n{TOKEN}", True, True),
        # The blob of a certificate holds the key of its authority, and a block of PEM is one thing.
        (keys.certificate_line(), False, False),
        (f"-----BEGIN PUBLIC KEY-----\n{ED25519.line}\n{RSA.line}", False, True),
    ],
)
def test_how_many_keys_a_line_holds(line: str, several: bool, one: bool) -> None:
    assert (holds_several_keys(line), holds_key(line)) == (several, one)


@pytest.mark.parametrize(
    ("line", "hides"),
    [
        ("# nobody", False),
        ("# my ssh-rsa key", False),
        (f"#{ED25519.line}", False),
        (f'# from="192.0.2.1",no-pty {ED25519.line}', False),
        (f"## {ED25519.bare}", False),
        (f"# the key of alice: {ED25519.line}", True),
        (f"# end,{ED25519.line}", True),
        (f"#{ED25519.line},{RSA.line}", True),
        # An option and its value, but no key right after it.
        (f"# no-pty of alice {ED25519.line}", True),
    ],
)
def test_whether_a_comment_hides_a_key(line: str, hides: bool) -> None:
    assert comment_hides_key(line) == hides


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_of_a_public_key_has_no_sentence(kind: str) -> None:
    pair = key_pair(kind)
    for line in (pair.line, pair.bare):
        assert sentence_for_line(line) == ""


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("hello", ""),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "It is PEM, an X.509 certificate and not a public key."),
        ("-----BEGIN X509 CRL-----", "It is PEM, a list of revoked certificates and not a public key."),
        ("-----BEGIN SSH SIGNATURE-----", "It is PEM, a signature made by ssh-keygen and not a public key."),
        # The label alone is repeated, and only in its standard form.
        ("-----BEGIN DH  PARAMETERS-----", "It is PEM, a block of type DH PARAMETERS and"),
        ("-----BEGIN dh parameters-----", "It is PEM, not an OpenSSH public key. Give the .pub file"),
        (f"-----BEGIN {'A' * 41}-----", "It is PEM, not an OpenSSH public key. Give the .pub file"),
        ("https://github.com/USER.keys", "It is a URL"),
        ("https://github.com/USER.keys and more", ""),
        (f"web1 {ED25519.line}", "It is a line of known_hosts: the key of a host"),
        (f"alice {ED25519.line}", "There is a name before the key type"),
        (f"restrict {ED25519.line}", "There are authorized_keys options"),
    ],
)
def test_what_a_line_is(line: str, sentence: str) -> None:
    said = sentence_for_line(line)
    assert said.startswith(sentence)
    assert bool(said) == bool(sentence)


@pytest.mark.parametrize(
    ("key_type", "encoded", "sentence"),
    [
        ("sk-ssh-ed25519@openssh.com", "", "It is the key of a FIDO security key"),
        ("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "", "It is the key of a FIDO security key"),
        ("rsa-sha2-512", RSA.encoded, "It begins with the name of a signature algorithm"),
        ("rsa-sha2-512", ED25519.encoded, ""),
        ("ssh-ed448", base64.b64encode(keys.string(b"ssh-ed448")).decode(), "Its key type is ssh-ed448, which neither"),
        # The type is repeated only where the blob has it too.
        ("ssh-ed448", ED25519.encoded, ""),
        ("anything", "", ""),
        ("", "", ""),
    ],
)
def test_what_a_type_is(key_type: str, encoded: str, sentence: str) -> None:
    said = sentence_for_type(key_type, encoded)
    assert said.startswith(sentence)
    assert bool(said) == bool(sentence)
