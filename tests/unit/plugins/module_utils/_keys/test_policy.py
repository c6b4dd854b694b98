# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys each service takes, and what is sent of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError, UnsupportedTypeError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import (
    judge_for_instance_connect,
    judge_for_removal,
    judge_for_transfer,
    transfer_body,
)
from ansible_collections.sshkeys.aws.tests.unit import keys
from ansible_collections.sshkeys.aws.tests.unit.keys import DSS_TYPE, KINDS, key_pair, line_of, rsa_line
from ansible_collections.sshkeys.aws.tests.unit.models import allows, shape

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


def test_an_ssh_dss_key_is_of_a_type_that_is_not_taken() -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        judge_for_transfer(parse_public_key(line_of(keys.dss_blob(), "old")))
    assert caught.value.key_type == DSS_TYPE
    assert caught.value.name.endswith(" (old)")


@pytest.mark.parametrize("kind", ["ecdsa-256", "ecdsa-384", "ecdsa-521"])
def test_ecdsa_is_for_transfer_only(kind: str) -> None:
    key = parse_public_key(key_pair(kind).line)
    assert judge_for_transfer(key) == []
    with pytest.raises(PublicKeyError, match="the instance ignores them and refuses ssh"):
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
    with pytest.raises(
        PublicKeyError, match=f"It has {longest + 4} characters, and {service} accepts at most {longest}"
    ):
        JUDGES[service](parse_public_key(rsa_line_of_length(longest + 4)))


def test_longest_rsa_key_is_too_long_for_transfer() -> None:
    key = parse_public_key(rsa_line(16384))
    with pytest.raises(PublicKeyError, match="Transfer Family accepts at most 2048"):
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


@pytest.mark.parametrize(
    "make",
    [
        lambda: line_of(keys.dss_blob()),
        lambda: rsa_line(1024),
        lambda: rsa_line_of_length(4100),
        lambda: key_pair("ecdsa-256").line,
    ],
    ids=["ssh-dss", "weak", "long", "ecdsa"],
)
def test_what_a_service_would_not_take_can_be_removed(make: Callable[[], str]) -> None:
    assert judge_for_removal(parse_public_key(make())) == []
