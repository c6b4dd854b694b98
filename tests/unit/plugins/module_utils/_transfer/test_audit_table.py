# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table on screen. Its columns are aligned where Ansible shows the lines as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import audit
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_table import audit_table
from ansible_collections.sshkeys.aws.tests.unit.audit_results import described
from hypothesis import given, strategies as st

SERVER = "s-01234567890abcdef"


def key(fingerprint: str | None = "SHA256:a", **changes: Any) -> dict[str, Any]:
    found = {"id": "key-1", "type": "ssh-ed25519", "bits": 256, "fingerprint": fingerprint, "comment": "alice@laptop"}
    return {**found, "date_imported": "2026-11-21T10:00:00Z", "age_days": 4, **changes}


def user(name: str, *keys: dict[str, Any]) -> dict[str, Any]:
    return {"user_name": name, "ssh_public_keys": list(keys)}


def table(*servers: dict[str, Any]) -> list[str]:
    return audit_table(audit(list(servers), 90, "2026-11-25"))


def server(*users: dict[str, Any], item: str = SERVER) -> dict[str, Any]:
    return {"item": item, "users": list(users)}


def test_a_line_for_each_key() -> None:
    rsa = key("SHA256:bb", type="ssh-rsa", bits=1024, age_days=400, comment="")
    assert table(server(user("partner", key(), rsa), user("archive"))) == [
        "Server s-01234567890abcdef",
        "USER     TYPE         BITS    AGE  FINGERPRINT  COMMENT       REMARKS",
        "partner  ssh-ed25519   256    4 d  SHA256:a     alice@laptop",
        "partner  ssh-rsa      1024  400 d  SHA256:bb                  old, weak",
        "archive  -               -      -  -                          no key",
    ]


def test_servers_share_the_widths_of_columns() -> None:
    lines = table(
        server(user("partner", key())),
        {"item": "s-00000000000000000", "msg": "Denied."},
        server(item="s-00000000000000001"),
        server(user("a-longer-name", key("SHA256:bb")), item="s-00000000000000002"),
    )
    assert [line for line in lines if not line.startswith(("USER", "partner", "a-longer-name"))] == [
        "Server s-01234567890abcdef",
        "",
        "Server s-00000000000000000 was not read",
        "",
        "Server s-00000000000000001 has no users",
        "",
        "Server s-00000000000000002",
    ]
    assert {line.find("SHA256:") for line in lines if "SHA256:" in line} == {39}
    assert {line.find("FINGERPRINT") for line in lines if "FINGERPRINT" in line} == {39}


def test_a_user_that_was_not_read() -> None:
    denied = {"user_name": "auditor", "error": {"code": "AccessDeniedException", "message": "No.", "hint": "Allow."}}
    assert table(server(denied))[-1].endswith("  not read: AccessDeniedException")


@pytest.mark.parametrize(
    ("changes", "remarks"),
    [
        ({"age_days": 91}, "old"),
        ({"type": "ssh-dss", "bits": 1024}, "weak"),
        ({"fingerprint": None, "type": None, "bits": None, "comment": None}, "cannot be read"),
    ],
)
def test_remarks(changes: dict[str, Any], remarks: str) -> None:
    line = table(server(user("partner", key(**changes))))[-1]
    assert line.endswith(f"  {remarks}")


@pytest.mark.parametrize(
    ("others", "remark"),
    [
        (["bob"], "shared with bob"),
        (["bob", "carol", "dave"], "shared with bob, carol, dave"),
        (["bob", "carol", "dave", "erin"], "shared with bob, carol, dave and 1 more"),
    ],
)
def test_a_key_that_many_share(others: list[str], remark: str) -> None:
    lines = table(server(user("alice", key()), *(user(name, key()) for name in others)))
    assert lines[2].endswith(f"  {remark}")


def test_an_unknown_age_and_a_key_that_is_none() -> None:
    broken = key(None, type=None, bits=None, comment=None, age_days=None)
    assert table(server(user("partner", broken)))[-1].split() == [
        "partner",
        "-",
        "-",
        "-",
        "key-1",
        "cannot",
        "be",
        "read",
    ]


def test_a_long_comment_is_cut() -> None:
    assert "x" * 30 in table(server(user("partner", key(comment="x" * 30))))[-1]
    assert f"  {'x' * 29}…" in table(server(user("partner", key(comment="x" * 31))))[-1]


comments = st.text(st.sampled_from('ab"\\é日 {%'), max_size=40)


@given(st.lists(st.tuples(comments, st.integers(0, 9999)), min_size=1, max_size=5))
def test_columns_are_aligned_as_ansible_shows_them(keys: list[tuple[str, int]]) -> None:
    held = [key(f"SHA256:{number}", comment=comment, age_days=age) for number, (comment, age) in enumerate(keys)]
    # The remark of the last column begins at one place.
    lines = [json.dumps(line, ensure_ascii=False) for line in table(server(*(user("u", one) for one in held)))[1:]]
    assert len({line.find("FINGERPRINT") + line.find("SHA256:") + 1 for line in lines}) == 1
    assert len({line.find("REMARKS" if "REMARKS" in line else " old") for line in lines if "old" in line}) <= 1


def about(**changes: Any) -> list[str]:
    """Return the lines about a server."""
    result = {"servers": [described(**changes)]}
    return audit_table(audit([server()], 90, "2026-11-25", "", result))[1:]


def test_the_server_stands_above_its_users() -> None:
    host_keys = [
        {"type": "ssh-ed25519", "fingerprint": "SHA256:e", "age_days": 12, "is_default": True},
        {"type": "ssh-rsa", "fingerprint": "SHA256:r", "age_days": None, "is_default": False},
    ]
    assert about(host_keys=host_keys, protocols=["SFTP", "FTPS"], ports=[22, 2222]) == [
        f"  endpoint           {SERVER}.server.transfer.us-east-1.amazonaws.com (PUBLIC), port 22, 2222",
        "  state              ONLINE",
        "  protocols          SFTP, FTPS",
        "  identity provider  SERVICE_MANAGED",
        "  host key           ssh-ed25519  SHA256:e  12 d, default",
        "  host key           ssh-rsa      SHA256:r",
    ]


def test_a_server_with_another_identity_provider_has_no_users_of_its_own() -> None:
    result = {"servers": [described(identity_provider_type="AWS_LAMBDA")]}
    lines = audit_table(audit([server()], 90, "2026-11-25", "", result))
    assert lines[0] == f"Server {SERVER} has no users of its own: its identity provider is AWS_LAMBDA"
    assert "  identity provider  AWS_LAMBDA" in lines


def test_what_is_unknown_of_a_server_is_told() -> None:
    error = {"code": "AccessDeniedException", "message": "No.", "hint": "Allow it."}
    nothing = dict.fromkeys(("state", "endpoint", "endpoint_type", "ports", "protocols", "identity_provider_type"))
    assert about(arn=None, error=error) == ["  not described      No (AccessDeniedException). Allow it."]
    assert about(**nothing, host_keys=None, error=error) == [
        "  endpoint           -",
        "  state              -",
        "  protocols          -",
        "  identity provider  -",
        "  host keys          unknown: No (AccessDeniedException). Allow it.",
    ]
