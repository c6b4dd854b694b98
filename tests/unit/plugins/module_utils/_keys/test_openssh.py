# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Public keys, with ``ssh-keygen -l`` and the ``cryptography`` package as the truth about them."""

from __future__ import annotations

import ast
import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys import openssh
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError, UnsupportedTypeError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import (
    parse_public_key,
    parse_public_keys,
    read_held_key,
    result_of_key,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import transfer_body
from ansible_collections.sshkeys.aws.tests.unit import keys
from ansible_collections.sshkeys.aws.tests.unit.keys import (
    CURVES,
    DSS_TYPE,
    ED25519_TYPE,
    KIND_OF_TYPE,
    TYPES,
    blob_of_type,
    key_pair,
    line_of,
    rsa_line,
    runs,
)
from ansible_collections.sshkeys.aws.tests.unit.refusals import refusal
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import example, given, strategies as st

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


@pytest.mark.parametrize("kinds", [("ed25519", "rsa-1024"), ("ed25519", "rsa-1024", "ecdsa-256")])
def test_several_keys_where_one_is_needed(kinds: tuple[str, ...]) -> None:
    text = "\n".join(key_pair(kind).line for kind in kinds)
    assert f"{len(kinds)} different keys" in refusal(text, parse_public_key)
    assert read_held_key(text) is None


def test_what_a_service_holds_is_read_as_before() -> None:
    first, second = key_pair("ed25519"), key_pair("rsa-2048")
    held = read_held_key(f"{first.line},{second.line}")
    assert held
    assert (held.identity, held.comment) == ((first.type, first.blob), f"{keys.COMMENT},{second.line}")


@pytest.mark.parametrize("declared", TYPES)
@pytest.mark.parametrize("inside", TYPES)
def test_type_must_match_the_blob(declared: str, inside: str) -> None:
    text = f"{declared} {base64.b64encode(blob_of_type(inside)).decode()}"
    if declared == inside:
        assert parse_public_key(text).type == inside
    else:
        said = refusal(text)
        assert f"It says {declared} but contains an" in said
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
    with pytest.raises(UnsupportedTypeError, match=r"^Line 2: It is the key of a FIDO security key"):
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


def test_held_key() -> None:
    assert read_held_key(line_of(keys.dss_blob(), "old")) == parse_public_key(line_of(keys.dss_blob(), "old"))
    for garbage in ("", "ssh-rsa", "ssh-rsa AAAA", "\x00", rsa_line(512), keys.certificate_line()):
        assert read_held_key(garbage) is None


# -- Laws -------------------------------------------------------------------------------------------------------------


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


KINDS_OF_TYPES = tuple(KIND_OF_TYPE.values())
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
    st.sampled_from(KINDS_OF_TYPES).map(lambda kind: key_pair(kind).encoded),
    st.sampled_from(KINDS_OF_TYPES).map(lambda kind: key_pair(kind).line + "\n"),
    st.sampled_from(KINDS_OF_TYPES).map(lambda kind: key_pair(kind).encoded[:60]),
    st.text(alphabet=st.characters(exclude_categories=()), max_size=20),
    st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode()),
    # A type of somebody's own making inside the blob.
    st.text(max_size=30).map(lambda text: base64.b64encode(keys.string(text.encode())).decode()),
)


@given(st.one_of(st.text(), st.lists(pieces, max_size=8).map("".join)))
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
