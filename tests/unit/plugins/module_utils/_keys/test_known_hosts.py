# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host keys are taken and which are refused, with which words."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.fingerprint import fingerprint_of
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.known_hosts import HostKeyError, known_hosts
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, key_pair, runs
from hypothesis import given, strategies as st


def key(number: int, key_type: str = "ssh-ed25519") -> str:
    """Return a host key as type and base64. The number says which."""
    inner = ed25519_blob(bytes([number]) * 32)[15:]
    name = key_type.encode()
    return f"{key_type} {base64.b64encode(len(name).to_bytes(4, 'big') + name + inner).decode()}"


def fingerprint(number: int, key_type: str = "ssh-ed25519") -> str:
    return fingerprint_of(base64.b64decode(key(number, key_type).split()[1]))


def stated(number: int, key_type: str = "ssh-ed25519") -> dict[str, Any]:
    return {"type": key_type, "fingerprint": fingerprint(number, key_type)}


ED, RSA = key(1), key(2, "ssh-rsa")
BOTH = [stated(1), stated(2, "ssh-rsa")]


@pytest.mark.parametrize(
    ("scan", "lines"),
    [
        (f"sftp.example.com {ED}", [f"sftp.example.com {ED}"]),
        (f"sftp.example.com {ED}\nsftp.example.com {RSA}\n", [f"sftp.example.com {ED}", f"sftp.example.com {RSA}"]),
        (f"# sftp.example.com:22 SSH-2.0-AWS_SFTP_1.1\nsftp.example.com {ED}\n", [f"sftp.example.com {ED}"]),
        (f"[127.0.0.1]:2222 {ED}", [f"[127.0.0.1]:2222 {ED}"]),
        (f"[2001:db8::1]:2222 {ED}", [f"[2001:db8::1]:2222 {ED}"]),
        (f"|1|c2FsdA==|aGFzaA== {ED}", [f"|1|c2FsdA==|aGFzaA== {ED}"]),
        (f"one.example.com,192.0.2.7 {ED}", [f"one.example.com,192.0.2.7 {ED}"]),
        (f"two {ED}\none {ED}\n", [f"one {ED}", f"two {ED}"]),
        (f"one {ED} a comment\r\n\r\none {ED}\r\n", [f"one {ED}"]),
        ([f"one {ED}", "# two:22", f"two {RSA}"], [f"one {ED}", f"two {RSA}"]),
    ],
)
def test_keys_that_are_stated_are_taken(scan: Any, lines: list[str]) -> None:
    assert known_hosts(scan, BOTH) == lines


@pytest.mark.parametrize(
    "told",
    [
        [fingerprint(1)],
        fingerprint(1),
        stated(1),
        [fingerprint(1)[7:]],
        [f"{fingerprint(1)}="],
        [{"fingerprint": f"256 {fingerprint(1)} root@host (ED25519)"}],
        [stated(9), stated(1)],
    ],
)
def test_every_form_of_a_fingerprint_is_read(told: Any) -> None:
    assert known_hosts(f"one {ED}", told) == [f"one {ED}"]


def test_lines_are_written_for_other_names() -> None:
    scan = f"one {ED}\ntwo {ED}\ntwo {RSA}\n"
    names = ["sftp.example.com", "[192.0.2.7]:2222"]
    assert known_hosts(scan, BOTH, names=names) == sorted(f"{name} {each}" for each in (ED, RSA) for name in names)
    assert known_hosts(scan, BOTH, names="web") == [f"web {ED}", f"web {RSA}"]


def test_a_key_that_is_not_stated_is_refused_with_both_fingerprints() -> None:
    with pytest.raises(HostKeyError) as caught:
        known_hosts(f"[sftp.example.com]:2222 {key(7)}\n", BOTH)
    assert str(caught.value) == (
        f"[sftp.example.com]:2222 shows an ssh-ed25519 key with the fingerprint {fingerprint(7)}, and the service "
        f"states {fingerprint(1)} for this type. Somebody else may be answering in its place, so no key is taken. "
        "Check the name and the port, and ask the service for its fingerprints again."
    )


def test_a_key_of_a_type_that_is_not_stated_is_refused() -> None:
    told = (
        f"shows an ssh-rsa key .*{re.escape(fingerprint(2, 'ssh-rsa'))}, and the service states no key of this type, "
    )
    with pytest.raises(HostKeyError, match=rf"{told}but {re.escape(fingerprint(1))} \(ssh-ed25519\)"):
        known_hosts(f"one {RSA}", [stated(1)])
    with pytest.raises(HostKeyError, match=r"\(of unknown type\)"):
        known_hosts(f"one {RSA}", [fingerprint(1)])


def test_one_stranger_refuses_all() -> None:
    scan = f"one {ED}\none {key(8, 'ssh-rsa')}\n|1|a|b {key(9)}"
    with pytest.raises(HostKeyError) as caught:
        known_hosts(scan, BOTH)
    said = str(caught.value)
    assert said.startswith(f"one shows an ssh-rsa key with the fingerprint {fingerprint(8, 'ssh-rsa')}")
    assert f"A host whose name is hashed shows an ssh-ed25519 key with the fingerprint {fingerprint(9)}" in said


@pytest.mark.parametrize("scan", ["", "\n \n", "# one:22 SSH-2.0-OpenSSH_9.2\n", []])
def test_an_empty_scan_is_an_error(scan: Any) -> None:
    with pytest.raises(HostKeyError, match=r"^The server showed no host key\. Check the host name and the port"):
        known_hosts(scan, BOTH)
    said = "getaddrinfo nowhere: Name or service not known\n" * 3
    with pytest.raises(HostKeyError, match=r"It said: getaddrinfo nowhere: Name or service not known\. Check"):
        known_hosts(scan, BOTH, said=said)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ([], "No fingerprint of a host key is stated"),
        (None, "The stated host keys are null"),
        (["MD5:78:92:3a"], r"Stated fingerprint \[0\] is 'MD5:78:92:3a', and must be a SHA256 fingerprint"),
        ([stated(1), {"type": "ssh-rsa"}], r"Stated fingerprint \[1\] is of type NoneType"),
        ([5], r"Stated fingerprint \[0\] is of type int"),
        (5, "must be a list, and are of type int"),
    ],
)
def test_fingerprints_that_cannot_be_used(told: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        known_hosts(f"one {ED}", told)


@pytest.mark.parametrize(
    ("scan", "sentence"),
    [
        (5, "The scan must be the text that ssh-keyscan printed, and is of type int"),
        (None, "is of type NoneType"),
        ("one", "Line 1 of the scan is no line of ssh-keyscan"),
        (f"# a\none {ED.split()[1]}", "Line 2 of the scan is no line"),
        ("one ssh-ed25519 AAAA!", "Line 1 of the scan has a damaged key, or one that is not of the type ssh-ed25519"),
        (f"one ssh-rsa {ED.split()[1]}", "one that is not of the type ssh-rsa"),
        (f"@cert-authority *.example.com {ED}", "begins with '@cert-authority'"),
        (f"@revoked one {ED}", "begins with '@revoked'"),
    ],
)
def test_what_is_no_scan(scan: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        known_hosts(scan, BOTH)


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a,b", "[one]:22", "a\x00", "*.example.com", "!one", "|1|a|b", "@revoked", "#one", "a\nb", 5, None],
)
def test_names_that_ssh_would_read_in_another_way(name: Any) -> None:
    with pytest.raises(ArgumentError, match="names has an element that is"):
        known_hosts(f"one {ED}", BOTH, names=[name])


def test_a_private_key_is_refused_and_not_repeated() -> None:
    private = key_pair("ed25519").private
    with pytest.raises(ArgumentError, match="It is a private key") as caught:
        known_hosts(private, BOTH)
    assert not runs(str(caught.value), 12) & runs(private.partition("\n")[2], 12)


@pytest.mark.parametrize("padding", ["=", "==", "===="])
def test_base64_that_ssh_does_not_read_is_a_damaged_key(padding: str) -> None:
    with pytest.raises(ArgumentError, match="Line 1 of the scan has a damaged key"):
        known_hosts(f"one {ED}{padding}", BOTH)


# -- Laws --------------------------------------------------------------------------------------------------------------

numbers = st.integers(0, 4)
types = st.sampled_from(["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
pairs = st.tuples(numbers, types)
hosts = st.sampled_from(["one", "[two]:2222", "192.0.2.7", "|1|c2FsdA==|aGFzaA==", "a,b"])
noise = st.sampled_from(["", "# one:22 SSH-2.0-x", "   "])


@given(st.lists(st.tuples(hosts, pairs)), st.lists(pairs, min_size=1), st.lists(noise))
def test_what_is_taken_is_stated_and_what_is_stated_and_shown_is_taken(
    shown: list[tuple[str, tuple[int, str]]], trusted: list[tuple[int, str]], between: list[str]
) -> None:
    lines = [f"{host} {key(*which)}" for host, which in shown]
    scan = "\n".join([*between, *lines, *between])
    told = [stated(*which) for which in trusted]
    if lines and all(which in trusted for _host, which in shown):
        assert known_hosts(scan, told) == sorted(set(lines))
    else:
        with pytest.raises(HostKeyError):
            known_hosts(scan, told)


@given(st.lists(st.tuples(hosts, pairs), min_size=1))
def test_what_is_taken_is_taken_again(shown: list[tuple[str, tuple[int, str]]]) -> None:
    told = [stated(*which) for _host, which in shown]
    once = known_hosts([f"{host} {key(*which)}" for host, which in shown], told)
    assert known_hosts(once, told) == once


@given(st.text(max_size=200))
def test_any_other_text_is_refused_with_a_sentence(scan: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        known_hosts(scan, BOTH)
    assert str(caught.value).isprintable()
    assert str(caught.value).endswith(".")
