# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit knows of the servers themselves, and what it says where it knows nothing."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_servers import About, about_server, notes_on
from ansible_collections.sshkeys.aws.tests.unit.audit_results import DENIED, SERVER, described

PLACE = f"{SERVER} in us-east-1"


def about(**changes: Any) -> About:
    found = about_server(SERVER, {"servers": [described(**changes)]})
    assert found
    return found


def test_a_server_that_was_not_asked_for() -> None:
    assert about_server(SERVER, {}) is None
    assert about_server(SERVER, {"servers": [described(server_id="s-0fedcba9876543210")]}) is None
    assert notes_on(PLACE, None) == []


def test_what_the_service_states() -> None:
    found = about()
    assert found == {
        "unknown": "",
        "state": "ONLINE",
        "place": f"{SERVER}.server.transfer.us-east-1.amazonaws.com",
        "endpoint_type": "PUBLIC",
        "ports": [22],
        "protocols": ["SFTP"],
        "identity_provider": "SERVICE_MANAGED",
        "keys_count": True,
        "host_keys": [{"type": "ssh-ed25519", "fingerprint": "SHA256:h", "age_days": 400, "default": True}],
        "host_keys_unknown": "",
    }
    assert notes_on(PLACE, found) == []


@pytest.mark.parametrize(
    ("provider", "count"), [("SERVICE_MANAGED", True), ("AWS_LAMBDA", False), ("A_NEW_ONE", False), (None, True)]
)
def test_keys_count_unless_it_is_known_that_they_do_not(provider: str | None, count: bool) -> None:
    assert about(identity_provider_type=provider)["keys_count"] is count


@pytest.mark.parametrize(
    ("endpoint", "vpc_endpoint_id", "place"),
    [("a.example.com", "vpce-1", "a.example.com"), (None, "vpce-1", "VPC endpoint vpce-1"), (None, None, "")],
)
def test_a_server_inside_a_vpc_is_found_by_its_endpoint(
    endpoint: str | None, vpc_endpoint_id: str | None, place: str
) -> None:
    assert about(endpoint=endpoint, vpc_endpoint_id=vpc_endpoint_id)["place"] == place


def test_a_server_that_could_not_be_described() -> None:
    found = about(arn=None, identity_provider_type=None, error=DENIED)
    assert found["unknown"] == "No (AccessDeniedException). Allow it."
    assert (found["host_keys_unknown"], found["keys_count"]) == ("", True)
    assert notes_on(PLACE, found) == [f"The server {PLACE} could not be described: {found['unknown']}"]


def test_host_keys_that_could_not_be_read() -> None:
    found = about(host_keys=None, error=DENIED)
    assert (found["unknown"], found["host_keys"]) == ("", [])
    assert notes_on(PLACE, found) == [f"The host keys of {PLACE} are unknown: No (AccessDeniedException). Allow it."]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"msg": "No region is configured."}, "No region is configured."),
        ({"failed": True}, "The module gave no reason."),
    ],
)
def test_a_module_that_described_nothing(result: dict[str, Any], reason: str) -> None:
    found = about_server(SERVER, result)
    assert found
    assert found["unknown"] == reason
    assert about(arn=None)["unknown"] == "The module gave no reason."
