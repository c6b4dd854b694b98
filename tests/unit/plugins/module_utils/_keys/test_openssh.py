# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Public keys, with ``ssh-keygen -l`` and the ``cryptography`` package as the truth about them."""

from __future__ import annotations

import ast
import base64
import hashlib
import re
import shlex
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys import openssh
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError, UnsupportedTypeError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import (
    PublicKey,
    parse_public_key,
    parse_public_keys,
    read_held_key,
    result_of_key,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import (
    judge_for_instance_connect,
    judge_for_transfer,
    transfer_body,
)
from ansible_collections.sshkeys.aws.tests.unit import keys
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, line_of, rsa_line, runs, ssh_keygen
from ansible_collections.sshkeys.aws.tests.unit.models import allows, shape
from ansible_collections.sshkeys.aws.tests.unit.private_keys import (
    PEM,
    PKCS8,
    PLAIN,
    PRIVATE_KEYS,
    private_key_of,
    secrets_of,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from hypothesis import example, given, settings, strategies as st

ED25519_TYPE, RSA_TYPE, DSS_TYPE = "ssh-ed25519", "ssh-rsa", "ssh-dss"
ECDSA_TYPES = ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
TYPES = (ED25519_TYPE, RSA_TYPE, DSS_TYPE, *ECDSA_TYPES)
# Those that are made in no time. The long RSA keys are made for one test only, lest every worker makes them.
KINDS = ("ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa-1024", "rsa-2048")
# One key of each type, the quickest to make.
KIND_OF_TYPE = {
    ED25519_TYPE: "ed25519",
    RSA_TYPE: "rsa-1024",
    **{f"ecdsa-sha2-nistp{bits}": f"ecdsa-{bits}" for bits in (256, 384, 521)},
}


def blob_of_type(key_type: str) -> bytes:
    return keys.dss_blob() if key_type == DSS_TYPE else key_pair(KIND_OF_TYPE[key_type]).blob


def refusal(text: str, parse: Callable[[str], object] = parse_public_keys) -> str:
    """Return the sentence with which a text is refused."""
    with pytest.raises(PublicKeyError) as caught:
        parse(text)
    return str(caught.value)


# -- The truth --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", keys.MAKE)
def test_a_key_is_what_ssh_keygen_and_cryptography_say(kind: str) -> None:
    pair = key_pair(kind)
    key = parse_public_key(pair.line)
    (truth,), (md5,) = keys.truth_about(pair.line), keys.md5_truth_about(pair.line)
    assert (key.bits, key.fingerprint, key.comment) == (truth.bits, truth.fingerprint, truth.comment)
    assert key.fingerprint_md5 == md5.fingerprint
    assert (key.type, key.blob, key.line, key.line_with_comment) == (pair.type, pair.blob, pair.bare, pair.line)

    public = serialization.load_ssh_public_key(pair.line.encode())
    written = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert key.line == written.decode()
    digest = serialization.ssh_key_fingerprint(public, hashes.MD5())  # noqa: S303 - the old fingerprint is MD5
    assert key.fingerprint_md5 == "MD5:" + ":".join(f"{byte:02x}" for byte in digest)
    assert key.bits == (public.key_size if isinstance(public, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)) else 256)


@pytest.mark.parametrize("bits", [1024, 1025, 2047, 8192, 16384])
def test_rsa_keys_of_unusual_length(bits: int) -> None:
    key = parse_public_key(rsa_line(bits))
    (truth,) = keys.truth_about(rsa_line(bits))
    assert (key.bits, key.fingerprint) == (truth.bits, truth.fingerprint)
    assert key.bits == bits


def test_an_ssh_dss_key_is_read() -> None:
    line = line_of(keys.dss_blob(), "old one")
    key = parse_public_key(line)
    assert (key.type, key.bits, key.comment, key.line_with_comment) == (DSS_TYPE, 1024, "old one", line)


def test_an_ssh_dss_key_is_what_ssh_keygen_says() -> None:
    if not keys.knows_dss():
        pytest.skip("this ssh-keygen was built without DSA, as OpenSSH 10 is")
    line = line_of(keys.dss_blob(2048))
    key = parse_public_key(line)
    assert [(key.bits, key.fingerprint)] == [truth[:2] for truth in keys.truth_about(line)]


def test_the_result_says_what_ssh_keygen_says() -> None:
    pair = key_pair("ecdsa-384")
    (truth,), (md5,) = keys.truth_about(pair.line), keys.md5_truth_about(pair.line)
    assert result_of_key(parse_public_key(pair.line)) == {
        "type": "ecdsa-sha2-nistp384",
        "bits": truth.bits,
        "fingerprint": truth.fingerprint,
        "fingerprint_md5": md5.fingerprint,
        "comment": truth.comment,
    }


# -- Forms that people have -------------------------------------------------------------------------------------------

FORMS: dict[str, Callable[[keys.KeyPair], str]] = {
    "no line end": lambda pair: pair.line,
    "LF": lambda pair: f"{pair.line}\n",
    "CRLF": lambda pair: f"{pair.line}\r\n",
    "CR": lambda pair: f"{pair.line}\r",
    "several line ends": lambda pair: f"{pair.line}\n\r\n\n",
    "BOM": lambda pair: f"\ufeff{pair.line}\n",
    "BOM and blanks": lambda pair: f" \ufeff {pair.line}\n",
    "two BOM": lambda pair: f"\ufeff\ufeff{pair.line}\n",
    "blanks before": lambda pair: f"  \t{pair.line}",
    "empty lines before": lambda pair: f"\n\r\n{pair.line}",
    "blanks after": lambda pair: f"{pair.line} \t  \n",
    "several blanks": lambda pair: f"{pair.type}   {pair.encoded}  {keys.COMMENT}",
    "tabs": lambda pair: f"{pair.type}\t{pair.encoded}\t{keys.COMMENT}",
    "tabs and blanks": lambda pair: f"{pair.type} \t {pair.encoded}\t \t{keys.COMMENT}",
    "comment line before": lambda pair: f"# from the laptop\n{pair.line}\n",
    "indented comment line": lambda pair: f"   # from the laptop\n{pair.line}\n",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["ed25519", "rsa-1024", "ecdsa-521"])
def test_form(kind: str, form: str) -> None:
    pair = key_pair(kind)
    key = parse_public_key(FORMS[form](pair))
    assert (key.type, key.blob, key.comment) == (pair.type, pair.blob, keys.COMMENT)


@pytest.mark.parametrize("rest", ["", " ", "\t", "\n", " \r\n", " \ufeff"])
def test_no_comment(rest: str) -> None:
    pair = key_pair("ed25519")
    key = parse_public_key(pair.bare + rest)
    assert (key.comment, key.line_with_comment) == ("", pair.bare)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("one word", "one word"),
        ("two  blanks", "two  blanks"),
        ("a,b, c", "a,b, c"),
        ('"quoted" \\ and # more', '"quoted" \\ and # more'),
        ("größer als 日本 🔑", "größer als 日本 🔑"),
        ("tab\tinside", "tab inside"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("bell\x07back\x08space\x7f", "bell back space"),
        ("right\u202eto left", "right to left"),
        ("no\u00a0break", "no break"),
        ("line\u2028separator\x0bfeed\x0cnext\x85end", "line separator feed next end"),
        (b"caf\xe9 bar".decode("utf-8", "surrogateescape"), "caf  bar"),
        ("\udcff", ""),
        (f"{ED25519_TYPE} AAAA", f"{ED25519_TYPE} AAAA"),
    ],
)
def test_comment(written: str, read: str) -> None:
    pair = key_pair("ed25519")
    key = parse_public_key(f"{pair.bare} {written}")
    assert (key.identity, key.comment) == ((pair.type, pair.blob), read)


@pytest.mark.parametrize("comment", ["one", "two words", "a,b", "größer als 日本", 'quoted "twice"'])
def test_comment_is_what_ssh_keygen_says(comment: str) -> None:
    line = f"{key_pair('ed25519').bare} {comment}"
    assert [parse_public_key(line).comment] == [truth.comment for truth in keys.truth_about(line)] == [comment]


def test_a_file_of_several_lines() -> None:
    pairs = [key_pair(kind) for kind in ("ed25519", "rsa-2048", "ecdsa-256")]
    text = f"# team\r\n\r\n{pairs[0].line}\r\n   \n#{pairs[2].line}\n\t{pairs[1].line}\n\n{pairs[2].line} \n# end"
    assert [key.line_with_comment for key in parse_public_keys(text)] == [pair.line for pair in pairs]
    assert [key.fingerprint for key in parse_public_keys(text)] == [
        truth.fingerprint for truth in keys.truth_about(text)
    ]


def test_files_with_bom_put_together() -> None:
    pairs = [key_pair(kind) for kind in ("ed25519", "rsa-1024", "ecdsa-384")]
    text = "".join(f"\ufeff{pair.line}\r\n" for pair in pairs)
    assert [key.line_with_comment for key in parse_public_keys(text)] == [pair.line for pair in pairs]


def test_the_same_key_twice_is_one_key() -> None:
    pair, other = key_pair("ed25519"), key_pair("rsa-1024")
    text = f"{pair.bare} first\n{other.line}\n{pair.type}  {pair.encoded}\tsecond\n"
    assert [(key.blob, key.comment) for key in parse_public_keys(text)] == [
        (pair.blob, "first"),
        (other.blob, keys.COMMENT),
    ]
    assert parse_public_key(f"{pair.bare} first\n{pair.bare} second").comment == "first"


def test_two_keys_where_one_is_needed() -> None:
    text = f"{key_pair('ed25519').line}\n{key_pair('rsa-1024').line}\n{key_pair('ecdsa-256').line}\n"
    assert "3 different keys" in refusal(text, parse_public_key)


@pytest.mark.parametrize("kind", KINDS)
def test_rfc4716_as_ssh_keygen_writes_it(kind: str, tmp_path: Path) -> None:
    pair = key_pair(kind)
    path = tmp_path / "key.pub"
    path.write_text(pair.line, encoding="utf-8")
    text = ssh_keygen("-e", "-f", str(path))
    comment = re.search(r'^Comment: "(.*)"$', text, re.MULTILINE)
    assert comment
    key = parse_public_key(text)
    assert (key.type, key.blob, key.comment) == (pair.type, pair.blob, comment[1])
    assert parse_public_key(text.replace("\n", "\r\n")) == key
    assert parse_public_key(f"\ufeff{text}") == key


RFC4716_HEADERS = {
    "no header": ("", ""),
    "unquoted comment": ("Comment: from the laptop\n", "from the laptop"),
    "quoted comment": ('Comment: "from the laptop"\n', "from the laptop"),
    "lower case": ("comment: from the laptop\n", "from the laptop"),
    "colon in the comment": ('Comment: "x: y"\n', "x: y"),
    "other headers": ("Subject: me\nComment: it\nx-command: /bin/true\n", "it"),
    "continued comment": ('Comment: "This is a comment that is longer \\\nthan one line"\n', None),
    "continued twice": ("x-note: one \\\ntwo \\\nthree\nComment: it\n", "it"),
    "continued after another one": ("Subject: me\nComment: from \\\nthe laptop\n", "from the laptop"),
    "continuation that looks like base64": ("x-note: one\\\nAAAAB3NzaC1yc2EAAAA\nComment: it\n", "it"),
}


@pytest.mark.parametrize("headers", RFC4716_HEADERS)
def test_rfc4716_headers(headers: str, tmp_path: Path) -> None:
    pair = key_pair("ecdsa-521")
    header, comment = RFC4716_HEADERS[headers]
    body = "\n".join(re.findall(".{1,70}", pair.encoded))
    text = f"---- BEGIN SSH2 PUBLIC KEY ----\n{header}{body}\n---- END SSH2 PUBLIC KEY ----\n"
    key = parse_public_key(text)
    path = tmp_path / "key"
    path.write_text(text, encoding="utf-8")
    assert ssh_keygen("-i", "-f", str(path)).strip() == key.line == pair.bare
    assert key.comment == ("This is a comment that is longer than one line" if comment is None else comment)


def test_rfc4716_among_lines(tmp_path: Path) -> None:
    pairs = [key_pair(kind) for kind in ("ed25519", "rsa-1024", "ecdsa-256")]
    path = tmp_path / "key.pub"
    path.write_text(pairs[1].line, encoding="utf-8")
    text = f"{pairs[0].line}\n{ssh_keygen('-e', '-f', str(path))}\n{pairs[2].line}\n"
    assert [key.line for key in parse_public_keys(text)] == [pair.bare for pair in pairs]


def test_rfc4716_cut_anywhere() -> None:
    pair = key_pair("rsa-1024")
    lines = ["---- BEGIN SSH2 PUBLIC KEY ----", "Comment: it", *re.findall(".{1,70}", pair.encoded)]
    for kept in range(1, len(lines) + 1):
        assert "has no END line" in refusal("\n".join(lines[:kept]))
        ended = "\n".join([*lines[:kept], "---- END SSH2 PUBLIC KEY ----"])
        if kept < len(lines):
            assert "damaged or cut short" in refusal(ended)
        else:
            assert parse_public_key(ended).blob == pair.blob


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
            refusal(text, parse_public_key) == f"{refusal(text)} One key is needed here: give one element of the list."
        )
        said = refusal(f"{second.line}\n{text}")
        assert said.startswith(f"Line 2: {SEVERAL}")
        assert "query(" in said
        assert "a list" in said


def test_what_a_service_holds_is_read_as_before() -> None:
    first, second = key_pair("ed25519"), key_pair("rsa-2048")
    held = read_held_key(f"{first.line},{second.line}")
    assert held
    assert (held.identity, held.comment) == ((first.type, first.blob), f"{keys.COMMENT},{second.line}")


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
    assert refusal(text).startswith("Line 2: The line begins with #, and holds a key after other words")


def test_a_key_that_was_joined_to_a_commented_out_one_is_not_lost() -> None:
    text = f"{key_pair('ed25519').line}\n#{key_pair('rsa-2048').line},{key_pair('ecdsa-256').line}\n"
    assert refusal(text).startswith("Line 2: The line begins with #")


@pytest.mark.parametrize(
    "before", ["#", "# ", "#\t", "## ", '# from="192.0.2.1",no-pty ', "# restrict ", '#command="echo a b" ']
)
def test_a_key_that_was_commented_out_is_passed_over(before: str) -> None:
    pair = key_pair("ed25519")
    assert [key.blob for key in parse_public_keys(f"{before}{key_pair('rsa-2048').line}\n{pair.line}")] == [pair.blob]


def test_a_key_that_was_joined_to_an_rfc4716_block_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    path.write_text(key_pair("rsa-1024").line, encoding="utf-8")
    block, line = ssh_keygen("-e", "-f", str(path)).strip(), key_pair("ed25519").line
    for text in (f"{block},{line}", f"{block}{line}", f"{block},{block}", f"{line},{block}"):
        assert SEVERAL in refusal(text)
    assert len(parse_public_keys(f"{block}\n{line}\n{block}")) == 2


@given(
    st.lists(st.sampled_from(sorted(KIND_OF_TYPE.values())), min_size=2, max_size=4, unique=True),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=3),
    st.booleans(),
)
@settings(max_examples=200)
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


# -- Keys of types that no service takes ------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"])
def test_a_whole_key_of_another_type_can_be_left_out(key_type: str) -> None:
    pair, line = key_pair("ed25519"), line_of(keys.security_key_blobs()[key_type], "token")
    left_out: list[UnsupportedTypeError] = []
    found = parse_public_keys(f"{line}\n{pair.line}\n", leave_out=left_out.append)
    assert [key.blob for key in found] == [pair.blob]
    (error,) = left_out
    (truth,) = keys.truth_about(line)
    assert (error.key_type, error.name) == (key_type, f"{truth.fingerprint} (token)")
    assert parse_public_keys(line, leave_out=left_out.append) == []
    with pytest.raises(UnsupportedTypeError, match=r"^Line 2: It is a key of a FIDO security key"):
        parse_public_keys(f"{pair.line}\n{line}")


@pytest.mark.parametrize(
    "text",
    [
        line_of(keys.security_key_blobs()["sk-ssh-ed25519@openssh.com"])[:-8],
        line_of(keys.security_key_blobs()["sk-ssh-ed25519@openssh.com"]) + "!",
        "ssh-ed448 AAAACXNzaC1lZDQ0OAAAADkx",
        "ssh-xmss@openssh.com AAAAFHNzaC14bXNzQG9wZW5zc2guY29t",
        "hello",
        keys.certificate_line(),
    ],
    ids=["cut", "damaged", "cut ed448", "no key", "no key line", "certificate"],
)
def test_what_is_damaged_is_not_left_out(text: str) -> None:
    with pytest.raises(PublicKeyError) as caught:
        parse_public_keys(f"{text}\n{key_pair('ed25519').line}", leave_out=lambda error: None)
    assert not isinstance(caught.value, UnsupportedTypeError)


def test_an_ssh_dss_key_is_of_a_type_that_is_not_taken() -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        judge_for_transfer(parse_public_key(line_of(keys.dss_blob(), "old")))
    assert caught.value.key_type == DSS_TYPE
    assert caught.value.name.endswith(" (old)")


# -- Private keys -----------------------------------------------------------------------------------------------------


def everything_said(text: str, parse: Callable[[str], object]) -> tuple[str, str]:
    """Return the sentence of a refusal, and all that an error handler could print of it."""
    with pytest.raises(PublicKeyError) as caught:
        parse(text)
    error: BaseException | None = caught.value
    said = ["".join(traceback.format_exception(caught.value))]
    while error is not None:
        said += [str(error), repr(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return str(caught.value), "\n".join(said)


IN_WHAT: dict[str, Callable[[str], str]] = {
    "alone": lambda private: private,
    "CRLF": lambda private: re.sub("\r?\n", "\r\n", private),
    "BOM": lambda private: f"\ufeff{private}",
    "after its public key": lambda private: f"{key_pair('ed25519').line}\n{private}",
    "after a comment line": lambda private: f"# mine\n\n{private}",
    "before a public key": lambda private: f"{private}\n{key_pair('ed25519').line}\n",
    "as a comment of a public key": lambda private: f"{key_pair('ed25519').bare} {private}",
    "indented": lambda private: re.sub("^", "    ", private, flags=re.MULTILINE),
    "quoted": lambda private: re.sub("^", "> ", private, flags=re.MULTILINE),
    "on one line": lambda private: re.sub(r"\s*\n", " ", private),
    "with escaped line ends": lambda private: re.sub("\r?\n", r"\\n", private),
    "UTF-16 read as bytes": lambda private: "\udcff\udcfe" + "".join(f"{character}\x00" for character in private),
    "first line broken": lambda private: f"{private[:9]}\n{private[9:]}",
    "first line broken by blanks": lambda private: f"{private[:12]} {private[12:20]}\t{private[20:]}",
}


@pytest.mark.parametrize("in_what", IN_WHAT)
@pytest.mark.parametrize("name", PRIVATE_KEYS)
def test_private_key(name: str, in_what: str) -> None:
    private = PRIVATE_KEYS[name]()
    for parse in (parse_public_key, parse_public_keys):
        sentence, said = everything_said(IN_WHAT[in_what](private), parse)
        assert sentence.startswith("It is a private key.")
        assert not runs(said, 8) & secrets_of(private)
    assert read_held_key(IN_WHAT[in_what](private)) is None


@pytest.mark.parametrize("name", [name for name in PRIVATE_KEYS if name != "SSH1"])
def test_private_key_without_its_first_line(name: str) -> None:
    private = PRIVATE_KEYS[name]()
    sentence, said = everything_said(private.partition("\n")[2], parse_public_keys)
    assert not runs(said, 8) & secrets_of(private)
    assert "private key" in sentence


# Of an encrypted PKCS1 key the first line inside is no part of the key.
@pytest.mark.parametrize("name", [name for name in PRIVATE_KEYS if not re.match("SSH|PuTTY|PKCS1 enc", name)])
@pytest.mark.parametrize("joint", ["\n", "", " "])
def test_body_of_a_private_key(name: str, joint: str) -> None:
    private = PRIVATE_KEYS[name]()
    body = joint.join(private.splitlines()[1:-1])
    sentence, said = everything_said(body, parse_public_keys)
    assert "private key" in sentence
    assert not runs(said, 8) & secrets_of(private)


class Secret(NamedTuple):
    first_line: str
    body: str
    last_line: str

    @property
    def text(self) -> str:
        return f"{self.first_line}\n{self.body}\n{self.last_line}\n"


PEM_NAMES = ("RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", "")


@st.composite
def secrets(draw: st.DrawFn) -> Secret:
    """Draw a private key of which every character of the body is random or real."""
    seed = draw(st.binary(min_size=32, max_size=32))
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    if draw(st.booleans()):
        form = draw(st.sampled_from([PKCS8, serialization.PrivateFormat.OpenSSH]))
        first, *body, last = private.private_bytes(PEM, form, PLAIN).decode().splitlines()
        return Secret(first, "\n".join(body), last)
    name = draw(st.sampled_from(PEM_NAMES))
    encoded = base64.b64encode(draw(st.binary(min_size=30, max_size=400))).decode()
    width = draw(st.sampled_from([64, 70, 76, 1000]))
    return Secret(
        f"-----BEGIN {name}PRIVATE KEY-----",
        "\n".join(encoded[start : start + width] for start in range(0, len(encoded), width)),
        f"-----END {name}PRIVATE KEY-----",
    )


surroundings = st.one_of(
    st.just(""),
    st.text(max_size=20),
    st.sampled_from(["# mine\n", "---- BEGIN SSH2 PUBLIC KEY ----\nComment: x\n", "ssh-ed25519 ", "sk-", '"', "AAAA"]),
    st.sampled_from(KINDS).map(lambda kind: key_pair(kind).line + "\n"),
)


@given(secret=secrets(), before=surroundings, after=surroundings, data=st.data())
@settings(max_examples=300)
def test_no_part_of_a_private_key_comes_out(secret: Secret, before: str, after: str, data: st.DataObject) -> None:
    text = secret.text
    broken_at = data.draw(st.integers(0, len(secret.first_line)), label="the first line is broken at")
    broken_by = data.draw(st.sampled_from(["", "\n", "\r\n", " ", "\t", "\n    ", "\x00"]), label="by")
    cut_at = data.draw(st.integers(len(secret.first_line), len(text)), label="the text is cut at")
    line_end = data.draw(st.sampled_from(["\n", "\r\n", " ", "\\n", ""]), label="line ends")
    pasted = text[:broken_at] + broken_by + text[broken_at:cut_at].replace("\n", line_end)
    sentence, said = everything_said(before + pasted + after, parse_public_keys)
    assert "private key" in sentence
    assert not runs(said, 8) & secrets_of(text)


@given(secret=secrets(), before=surroundings, data=st.data())
@settings(max_examples=200)
def test_no_part_of_a_fragment_of_a_private_key_comes_out(secret: Secret, before: str, data: st.DataObject) -> None:
    # Nobody can tell what a fragment is, so that no more than its silence can be asked for.
    start = data.draw(st.integers(0, len(secret.text)))
    fragment = secret.text[start : data.draw(st.integers(start, len(secret.text)))]
    try:
        parse_public_keys(before + fragment)
    except PublicKeyError:
        _sentence, said = everything_said(before + fragment, parse_public_keys)
        assert not runs(said, 8) & secrets_of(secret.text)


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
    r"^(Line 1: )?It is a key of a FIDO security key": [
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
    r"^There is something before the key type\.": [before_a_key("key:"), before_a_key("-")],
    r"^Line 1: It is PEM, not an OpenSSH public key": [
        pem_public_key,
        pkcs1_public_key,
        *(lambda curve=curve: pem_of(ec.generate_private_key(curve)) for curve in CURVES_OF_OPENSSH),
    ],
    r"^Line 1: It is PEM, an X\.509 certificate": [x509_certificate],
    r"^Line 1: It is PEM, a certificate signing request": [x509_request],
    r"^Line 1: It is PEM, a public key of the kind Ed25519": [lambda: pem_of(ed25519.Ed25519PrivateKey.generate())],
    r"^Line 1: It is PEM, a public key of the kind X25519": [lambda: pem_of(x25519.X25519PrivateKey.generate())],
    r"^Line 1: It is PEM, a public key of a kind": [
        lambda: pem_of(ec.generate_private_key(ec.SECP256K1())),
        lambda: "-----BEGIN PUBLIC KEY-----\nMC\n-----END PUBLIC KEY-----\n",
    ],
    r"^Line 1: It is PEM, a DSA key": [lambda: pem_of(dsa.generate_private_key(1024))],  # noqa: S505
    r"^Line 1: It is PEM, an OpenPGP key": [
        lambda: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n-----END PGP PUBLIC KEY BLOCK-----\n"
    ],
    r"^Line 1: It is PEM, a block of the kind DH PARAMETERS": [
        lambda: "-----BEGIN DH PARAMETERS-----\nMIIB\n-----END DH PARAMETERS-----\n",
    ],
    r"^Its key type is (ssh-ed448|ssh-xmss@openssh\.com|ecdsa-sha2-nistk163), and neither service takes it": [
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
    r"^A comma or a semicolon stands before the key type": [
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
    r"^(Line 1: )?There is a character in the key or before it that is not plain ASCII": [
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
    r"bytes too many": [lambda: f"{ED25519_TYPE} {base64.b64encode(key_pair('ed25519').blob + b'!').decode()}"],
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
    assert "not plain ASCII" in refusal(damage(key_pair("ed25519")))


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


@pytest.mark.parametrize("declared", TYPES)
@pytest.mark.parametrize("inside", TYPES)
def test_type_must_match_the_blob(declared: str, inside: str) -> None:
    text = f"{declared} {base64.b64encode(blob_of_type(inside)).decode()}"
    if declared == inside:
        assert parse_public_key(text).type == inside
    else:
        said = refusal(text)
        assert f"It says {declared} but holds a" in said
        assert inside in said


@pytest.mark.parametrize("key_type", TYPES)
def test_line_cut_anywhere(key_type: str) -> None:
    line = line_of(blob_of_type(key_type))
    for length in range(1, len(line)):
        said = refusal(line[:length])
        if length < len(key_type):
            assert "does not begin with a key type" in said
        elif length <= len(key_type) + 1:
            assert "nothing after" in said
        else:
            assert "damaged or cut short" in said


def test_line_number_of_a_refusal() -> None:
    good = [f"# one\n{key_pair('ed25519').line}\n\n", f"{key_pair('ed25519').line}\r\n\r\n\r\n"]
    for text in good:
        assert refusal(f"{text}hello\n").startswith("Line 4: It does not begin with a key type")
    text = f"{key_pair('ed25519').line}\n---- BEGIN SSH2 PUBLIC KEY ----\nComment: x\n"
    assert refusal(text).startswith("Line 2: the SSH2 PUBLIC KEY block has no END")
    assert not refusal("hello\n").startswith("Line")


def test_line_number_counts_empty_lines_at_the_beginning() -> None:
    assert refusal(f"\n\n{key_pair('ed25519').line}\nhello\n").startswith("Line 4: ")


# -- Judged for a service ---------------------------------------------------------------------------------------------

JUDGES: dict[str, Callable[[PublicKey], list[str]]] = {
    "EC2 Instance Connect": judge_for_instance_connect,
    "Transfer Family": judge_for_transfer,
}


@pytest.mark.parametrize("service", JUDGES)
@pytest.mark.parametrize(
    "line", [line_of(keys.ed25519_blob(b"\x05" * 32)), rsa_line(2048), rsa_line(3072), rsa_line(4096), rsa_line(8192)]
)
def test_taken_by_both_services(service: str, line: str) -> None:
    assert JUDGES[service](parse_public_key(line)) == []


@pytest.mark.parametrize("service", JUDGES)
def test_ssh_dss_is_taken_by_neither_service(service: str) -> None:
    with pytest.raises(PublicKeyError, match=rf"^It is an ssh-dss key, which {service}"):
        JUDGES[service](parse_public_key(line_of(keys.dss_blob())))


@pytest.mark.parametrize("kind", ["ecdsa-256", "ecdsa-384", "ecdsa-521"])
def test_ecdsa_is_for_transfer_only(kind: str) -> None:
    key = parse_public_key(key_pair(kind).line)
    assert judge_for_transfer(key) == []
    with pytest.raises(PublicKeyError, match="the instance then ignores them and ssh is refused"):
        judge_for_instance_connect(key)


@pytest.mark.parametrize("service", JUDGES)
@pytest.mark.parametrize(("bits", "weak"), [(1024, True), (2047, True), (2048, False)])
def test_weak_rsa_is_a_warning(service: str, bits: int, weak: bool) -> None:
    key = parse_public_key(rsa_line(bits))
    warnings = JUDGES[service](key)
    assert len(warnings) == weak
    for warning in warnings:
        assert str(bits) in warning
        assert keys.truth_about(rsa_line(bits))[0].fingerprint in warning


def rsa_line_of_length(length: int) -> str:
    """Return a line of this many characters, a multiple of four."""
    in_blob = (length - len("ssh-rsa ")) // 4 * 3
    # An exponent may be as long as a modulus.
    exponent = (1 << 8191) if length > 2744 else 65537
    numbers = in_blob - len(keys.rsa_blob(0, exponent))
    line = line_of(keys.rsa_blob((1 << (8 * numbers - 2)) | 1, exponent))
    assert len(line) == length
    return line


@pytest.mark.parametrize(
    ("service", "longest"), [("EC2 Instance Connect", 4096), ("Transfer Family", 2048)], ids=["ic", "transfer"]
)
def test_longest_key(service: str, longest: int) -> None:
    assert JUDGES[service](parse_public_key(rsa_line_of_length(longest))) == []
    # The comment does not count: it is not sent, or is cut.
    assert JUDGES[service](parse_public_key(f"{rsa_line_of_length(longest)} {'x' * 5000}")) == []
    with pytest.raises(PublicKeyError, match=f"It has {longest + 4} characters, and {service} takes at most {longest}"):
        JUDGES[service](parse_public_key(rsa_line_of_length(longest + 4)))


def test_longest_rsa_key_is_too_long_for_transfer() -> None:
    key = parse_public_key(rsa_line(16384))
    with pytest.raises(PublicKeyError, match="Transfer Family takes at most 2048"):
        judge_for_transfer(key)
    assert judge_for_instance_connect(key) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [0, 1, 900, 1400, 2048, 3000])
def test_transfer_body_fits(kind: str, length: int) -> None:
    pair = key_pair(kind)
    comment = "x y" * (length // 3)
    body = transfer_body(parse_public_key(f"{pair.bare} {comment}"))
    assert allows("SshPublicKeyBody", body)
    assert f"{pair.bare} {comment}".startswith(body)
    assert body.startswith(pair.bare)
    # No more than the last blanks is lost while there is room.
    assert len(body) >= min(len(f"{pair.bare} {comment}".rstrip()), shape("SshPublicKeyBody")["max"] - 1)


@pytest.mark.parametrize("shift", ["", "x"])
def test_transfer_body_does_not_end_in_a_blank(shift: str) -> None:
    body = transfer_body(parse_public_key(f"{key_pair('ed25519').bare} {shift}{'x ' * 1500}"))
    assert body == body.rstrip()
    assert len(body) in (2047, 2048)


def test_transfer_body_of_the_longest_key_has_no_comment() -> None:
    line = rsa_line_of_length(2048)
    assert transfer_body(parse_public_key(f"{line} comment")) == line
    assert transfer_body(parse_public_key(f"{rsa_line_of_length(2044)} comment")).split(" ")[2:] in ([], ["com"])


def test_held_key() -> None:
    assert read_held_key(line_of(keys.dss_blob(), "old")) == parse_public_key(line_of(keys.dss_blob(), "old"))
    for garbage in ("", "ssh-rsa", "ssh-rsa AAAA", "\x00", rsa_line(512), keys.certificate_line()):
        assert read_held_key(garbage) is None


# -- Laws -------------------------------------------------------------------------------------------------------------

CURVES = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}


@st.composite
def blobs(draw: st.DrawFn) -> bytes:
    """Draw a key of any type that is not ssh-dss."""
    kind = draw(st.sampled_from(["ed25519", "rsa", "ecdsa"]))
    if kind == "ed25519":
        return keys.ed25519_blob(draw(st.binary(min_size=32, max_size=32)))
    if kind == "rsa":
        modulus = draw(st.integers(1 << 1023, (1 << 4096) - 1))
        return keys.rsa_blob(modulus, draw(st.integers(3, 1 << 40)))
    bits = draw(st.sampled_from([256, 384, 521]))
    public = ec.derive_private_key(draw(st.integers(1, 1 << 255)), CURVES[bits]).public_key()
    numbers = public.public_numbers()
    return keys.ecdsa_blob(bits, numbers.x, numbers.y)


blanks = st.text(alphabet=" \t", max_size=3)
# Whatever a line can hold, undecodable bytes too, but for a comment that would be the mark of a private key.
comments = st.text(alphabet=st.characters(exclude_characters="\r\n\x00", exclude_categories=()), max_size=40).filter(
    lambda text: "PRIVATE" not in text
)
printable_comments = comments.map(lambda text: "".join(filter(str.isprintable, text)).strip())
line_ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", " \n\t\n"])


@given(blob=blobs(), comment=printable_comments)
def test_what_is_written_is_read_again(blob: bytes, comment: str) -> None:
    key = parse_public_key(line_of(blob, comment))
    assert (key.blob, key.comment) == (blob, comment)
    assert parse_public_key(key.line_with_comment) == key
    assert parse_public_key(key.line).identity == key.identity
    assert [(key.bits, key.fingerprint)] == [truth[:2] for truth in keys.truth_about(key.line)]


@given(blob=blobs(), comment=comments, data=st.data())
@example(blob=keys.ed25519_blob(b"\x07" * 32), comment="\x85\u2028\x0b\x0c\x1c", data=None)
def test_noise_never_changes_identity(blob: bytes, comment: str, data: st.DataObject | None) -> None:
    def draw(strategy: st.SearchStrategy[str]) -> str:
        return data.draw(strategy) if data else " "

    key_type, encoded = line_of(blob).split(" ")
    noise = st.sampled_from(["", "\ufeff", "# a comment\n", "\n", "\r\n \t\r\n", "\ufeff\n#\ufeff\r\n"])
    text = (
        f"{draw(noise)}{draw(blanks)}{key_type} {draw(blanks)}{encoded}"
        f"{draw(st.sampled_from([' ', chr(9)]))}{draw(blanks)}{comment}{draw(blanks)}"
        f"{draw(line_ends) if data else chr(10)}{draw(noise)}"
    )
    (key,) = parse_public_keys(text)
    assert key.identity == (key_type, blob)
    assert key.comment.isprintable()
    assert key.comment == key.comment.strip()
    assert set(key.comment) <= {*comment, " "}


@pytest.mark.parametrize("separator", ["\x07", "\u200b", "\x1b", "\u00a0", "\ufeff", "\udc80", "."])
def test_what_is_taken_for_a_public_key_is_one_when_it_comes_back(separator: str) -> None:
    # Transfer Family stores the comment as it was made printable, which must not make the mark of a private key of it.
    text = f"{key_pair('ed25519').bare} BEGIN{separator}PRIVATE KEY"
    try:
        key = parse_public_key(text)
    except PublicKeyError:
        assert "private key" in refusal(text)
    else:
        held = read_held_key(transfer_body(key))
        assert held
        assert held.identity == key.identity


@given(st.lists(st.tuples(st.integers(0, 3), comments), min_size=1, max_size=8), line_ends)
def test_each_key_of_a_file_comes_out_once_in_order(lines: list[tuple[int, str]], line_end: str) -> None:
    held = [keys.ed25519_blob(bytes([number]) * 32) for number in range(4)]
    text = line_end.join(f"{line_of(held[number])} {comment}" for number, comment in lines)
    assert [key.blob for key in parse_public_keys(text)] == [
        held[number] for number in dict.fromkeys(n for n, _c in lines)
    ]


# -- Damaged keys: taken if and only if ssh-keygen takes them ---------------------------------------------------------


def taken(lines: Sequence[str]) -> dict[int, tuple[int, str]]:
    """Return position -> (bits, fingerprint) of each line that the collection takes."""
    found = {}
    for position, line in enumerate(lines):
        try:
            key = parse_public_key(f"{line} {position}")
        except PublicKeyError:
            continue
        found[position] = (key.bits, key.fingerprint)
    return found


def fingerprint_of(line: str) -> str:
    """Return the SHA256 fingerprint of the blob of a line, whatever it holds."""
    digest = hashlib.sha256(base64.b64decode(line.split(" ")[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def assert_judged_as_by_ssh_keygen(lines: Sequence[str]) -> None:
    ours, theirs = taken(lines), keys.accepted_by_ssh_keygen(lines)
    # ssh-keygen also takes numbers with more zeros before them than RFC 4251 section 5 allows, and spells them anew:
    # its fingerprint is then not that of the key as it was given, which is refused here.
    truth = {
        position: (known.bits, known.fingerprint)
        for position, known in theirs.items()
        if known.fingerprint == fingerprint_of(lines[position])
    }
    differing = {position for position in ours.keys() | truth.keys() if ours.get(position) != truth.get(position)}
    assert {lines[position]: (ours.get(position), truth.get(position)) for position in differing} == {}


def mutants_of(blob: bytes) -> Iterator[bytes]:
    """Yield a blob with each bit flipped, each byte lost, doubled or replaced by an extreme, and cut at each length."""
    for position in range(len(blob)):
        before, byte, after = blob[:position], blob[position], blob[position + 1 :]
        for bit in range(8):
            yield before + bytes([byte ^ (1 << bit)]) + after
        yield before + after
        yield before + bytes([byte, byte]) + after
        for value in (0x00, 0x01, 0x7F, 0x80, 0xFF):
            yield before + bytes([value]) + after
            yield before + bytes([value, byte]) + after
        yield before
    for added in (b"\x00", b"\x00" * 4, blob):
        yield blob + added


def mutated_lines(key_type: str, blob: bytes) -> list[str]:
    return [f"{key_type} {base64.b64encode(mutant).decode()}" for mutant in dict.fromkeys(mutants_of(blob))]


@pytest.mark.parametrize("key_type", [*ECDSA_TYPES, ED25519_TYPE, RSA_TYPE])
def test_every_small_damage_is_judged_as_by_ssh_keygen(key_type: str) -> None:
    assert_judged_as_by_ssh_keygen(mutated_lines(key_type, blob_of_type(key_type)))


def test_every_small_damage_of_ssh_dss_is_judged_as_by_ssh_keygen() -> None:
    if not keys.knows_dss():
        pytest.skip("this ssh-keygen was built without DSA, as OpenSSH 10 is")
    assert_judged_as_by_ssh_keygen(mutated_lines(DSS_TYPE, keys.dss_blob()))


def fields_of(blob: bytes) -> list[bytes]:
    """Return the strings of a key in wire format."""
    fields = []
    while blob:
        end = 4 + int.from_bytes(blob[:4], "big")
        fields.append(blob[4:end])
        blob = blob[end:]
    return fields


@pytest.mark.parametrize("key_type", [*ECDSA_TYPES, ED25519_TYPE, RSA_TYPE])
def test_every_field_of_another_length_is_judged_as_by_ssh_keygen(key_type: str) -> None:
    fields = fields_of(blob_of_type(key_type))
    damaged = [[*fields, b""], [*fields, fields[-1]], fields[::-1], fields[1:]]
    for position, field in enumerate(fields):
        others = [b"", b"\x00", field[:-1], field[1:], field + b"\x01", b"\x00" + field, b"\x01" + field, field * 2]
        damaged += [[*fields[:position], other, *fields[position + 1 :]] for other in others]
        damaged.append(fields[:position] + fields[position + 1 :])
        damaged.append([*fields[:position], field, *fields[position:]])
    assert_judged_as_by_ssh_keygen(
        [f"{key_type} {base64.b64encode(b''.join(map(keys.string, some))).decode()}" for some in damaged]
    )


class Edit(NamedTuple):
    """A change of a sequence: where, as a part of its length; how much goes; what comes."""

    where: float
    lost: int
    new: bytes


byte_edits = st.builds(Edit, st.floats(0, 1), st.integers(0, 6), st.binary(max_size=6))
text_edits = st.builds(
    Edit,
    st.floats(0, 1),
    st.integers(0, 5),
    st.text(alphabet="AQgw/+=B9z-_!,\"'", max_size=5).map(str.encode),
)


def edited(value: bytes, edits: Sequence[Edit]) -> bytes:
    for edit in edits:
        start = int(edit.where * len(value))
        value = value[:start] + edit.new + value[start + edit.lost :]
    return value


SMALL_KINDS = tuple(KIND_OF_TYPE.values())


@given(st.lists(st.tuples(st.sampled_from(SMALL_KINDS), st.lists(byte_edits, min_size=1, max_size=3)), min_size=20))
@settings(max_examples=80)
def test_any_damage_of_the_blob_is_judged_as_by_ssh_keygen(damages: list[tuple[str, list[Edit]]]) -> None:
    lines = []
    for kind, edits in damages:
        pair = key_pair(kind)
        lines.append(f"{pair.type} {base64.b64encode(edited(pair.blob, edits)).decode()}")
    assert_judged_as_by_ssh_keygen(lines)


@given(st.lists(st.tuples(st.sampled_from(SMALL_KINDS), st.lists(text_edits, min_size=1, max_size=2)), min_size=20))
@settings(max_examples=80)
def test_any_damage_of_the_base64_is_judged_as_by_ssh_keygen(damages: list[tuple[str, list[Edit]]]) -> None:
    pairs = [(key_pair(kind), edits) for kind, edits in damages]
    assert_judged_as_by_ssh_keygen(
        [f"{pair.type} {edited(pair.encoded.encode(), edits).decode()}" for pair, edits in pairs]
    )


@pytest.mark.parametrize("ending", ["AA==", "AB==", "AAA=", "AAB=", "AAAA"])
def test_left_over_bits_of_base64(ending: str) -> None:
    # The last bits must be zero, or one key would have several spellings.
    lines = []
    for kind in KINDS:
        pair = key_pair(kind)
        for letter in "ABCDQgwx/+":
            stem = pair.encoded.rstrip("=")
            lines.append(f"{pair.type} {stem[:-1]}{letter}{'=' * (len(pair.encoded) - len(stem))}")
        lines.append(f"{pair.type} {pair.encoded[:-4]}{ending}")
    assert_judged_as_by_ssh_keygen(lines)


def numbers_at_the_edges() -> list[bytes]:
    string, e = keys.string, keys.mpint(65537)
    head = string(b"ssh-rsa")
    full = b"\xff" * 2048
    return [
        *(
            keys.rsa_blob((1 << (bits - 1)) | 1)
            for bits in (0, 1, 768, 1016, 1023, 1024, 1025, 16383, 16384, 16385, 17000)
            if bits
        ),
        head + e + string(b""),
        head + string(b"") + string(b"\x00" + full),
        head + string(b"\x00") + keys.mpint(1 << 2047),
        head + e + string(b"\x00" + full),
        head + e + string(b"\x00\x00" + full),
        head + e + string(full),
        head + e + string(b"\x00" * 3000),
        head + e + string(b"\x00" * 2049),
        head + e + string(b"\x00" * 1000 + b"\x01" * 1049),
        head + string(b"\x00" * 2049) + keys.mpint(1 << 2047),
        head + string(b"\x81") + keys.mpint(1 << 2047),
        head + string(b"\x00" + full) + string(b"\x00" + full),
        head + keys.mpint(1 << 2047),
        head + e + keys.mpint(1 << 2047) + e,
        head,
        b"",
    ]


def test_rsa_numbers_at_the_edges_are_judged_as_by_ssh_keygen() -> None:
    assert_judged_as_by_ssh_keygen([f"ssh-rsa {base64.b64encode(blob).decode()}" for blob in numbers_at_the_edges()])


def point_near(bits: int, x: int, step: int) -> tuple[int, int]:
    """Return the point of a curve whose x is the nearest in a direction."""
    size = (bits + 7) // 8
    while True:
        try:
            public = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[bits], b"\x02" + x.to_bytes(size, "big"))
        except ValueError:
            x += step
        else:
            return x, public.public_numbers().y


# NIST FIPS 186-4 appendix D.1.2.
PRIMES = {
    256: 2**256 - 2**224 + 2**192 + 2**96 - 1,
    384: 2**384 - 2**128 - 2**96 + 2**32 - 1,
    521: 2**521 - 1,
}


def order(bits: int) -> int:
    return CURVES[bits].group_order


def test_ecdsa_points_at_the_edges_are_judged_as_by_ssh_keygen() -> None:
    # OpenSSH takes no point whose coordinates are short or reach the order (sshkey_ec_validate_public in sshkey.c).
    lines = []
    for bits in CURVES:
        half = order(bits).bit_length() // 2
        for start, step in ((1, 1), ((1 << half) - 1, -1), (1 << half, 1), (order(bits) - 2, -1), (order(bits), 1)):
            lines.append(line_of(keys.ecdsa_blob(bits, *point_near(bits, start, step))))
        size = (bits + 7) // 8
        lines.append(line_of(keys.ecdsa_blob(bits, 0, 0)))
        # The same point with a coordinate written as another number of the same remainder.
        x, y = point_near(bits, 5, 1)
        lines += [
            line_of(keys.ecdsa_blob(bits, *point))
            for point in ((x + PRIMES[bits], y), (x, y + PRIMES[bits]), (x, PRIMES[bits] - y), (PRIMES[bits], y))
            if max(point) < 1 << (8 * size)
        ]
        lines.append(line_of(keys.ecdsa_blob(bits, (1 << (8 * size)) - 1, (1 << (8 * size)) - 1)))
    assert_judged_as_by_ssh_keygen(lines)


def test_other_forms_of_a_point_are_judged_as_by_ssh_keygen() -> None:
    string = keys.string
    lines = []
    for bits, curve in CURVES.items():
        name = f"nistp{bits}".encode()
        public = ec.derive_private_key(12345678901234567890, curve).public_key()
        full = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        short = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
        hybrid = bytes([6 | full[-1] & 1]) + full[1:]
        for point in (full, short, hybrid, b"\x00", b"", b"\x04", full + b"\x00", full[:-1]):
            lines += [
                line_of(string(b"ecdsa-sha2-" + name) + string(curve_name) + string(point))
                for curve_name in (name, b"nistp256", b"nistp999", b"")
            ]
    assert_judged_as_by_ssh_keygen(lines)


# -- Any text ---------------------------------------------------------------------------------------------------------


def our_own_words() -> set[str]:
    """Return the runs of the sentences that stand in the source: an input may hold those by chance or by intent."""
    room = Path(str(openssh.__file__)).parent
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(room.glob("*.py"))]
    constants = (
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return {run for constant in constants for run in runs(constant, 12)}


OUR_OWN_WORDS = our_own_words()
PIECES = (
    *TYPES,
    *(f"{kind} " for kind in TYPES),
    *("\n", "\r\n", "\r", " ", "\t", "\x00", "\ufeff", "\u200b", "#", ":", "\\", '"', "=", "AAAA", "-----BEGIN "),
    *("-----BEGIN PUBLIC KEY-----\n", "---- BEGIN SSH2 PUBLIC KEY ----\n", "---- END SSH2 PUBLIC KEY ----\n"),
    *("Comment: ", "sk-ssh-ed25519@openssh.com ", "ssh-ed25519-cert-v01@openssh.com ", "restrict ", 'command="x y",'),
    "PuTTY-User-Key-File-3: ssh-ed25519\n",
)
pieces = st.one_of(
    st.sampled_from(PIECES),
    st.sampled_from(SMALL_KINDS).map(lambda kind: key_pair(kind).encoded),
    st.sampled_from(SMALL_KINDS).map(lambda kind: key_pair(kind).line + "\n"),
    st.sampled_from(SMALL_KINDS).map(lambda kind: key_pair(kind).encoded[:60]),
    st.text(alphabet=st.characters(exclude_categories=()), max_size=20),
    st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode()),
    # A type of somebody's own making inside the blob.
    st.text(max_size=30).map(lambda text: base64.b64encode(keys.string(text.encode())).decode()),
)


@given(st.one_of(st.text(), st.lists(pieces, max_size=8).map("".join)))
@settings(max_examples=1500)
def test_any_text_is_keys_or_a_refusal_that_repeats_nothing_of_it(text: str) -> None:
    try:
        found = parse_public_keys(text)
    except PublicKeyError as error:
        said = str(error)
        for key_type in TYPES:
            said = said.replace(key_type, "\n")
        assert runs(said, 12) & runs(text, 12) <= OUR_OWN_WORDS
        assert said.isprintable() or "\n" in said
    else:
        assert found
        assert len({key.identity for key in found}) == len(found)
        for key in found:
            assert (key.bits, key.fingerprint) == keys.truth_about(key.line)[0][:2]


def test_no_character_in_base64_raises_anything_else() -> None:
    # A character that base64 cannot have at all fails in another place of the standard library than a wrong length.
    for character in "\x00\x01\x7f\u00e9\u2028\udcff=-_~":
        for kind in ("ed25519", "rsa-1024"):
            pair = key_pair(kind)
            assert refusal(f"{pair.type} {pair.encoded[:20]}{character}{pair.encoded[21:]}")
