# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each entry point of the role ssh_access with --check, in one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.role_hosts import (
    PLAYBOOKS,
    Request,
    fingerprint,
    instance_id,
    inventory,
    of_instance,
    pushes,
)

PUSH = "Push the key, and apply the declarations"
WAIT = "Wait until ssh accepts the key, and say what was done"

IN_CHECK_MODE = "In check mode nothing was sent. A real run would report: "


class Checked(NamedTuple):
    """The run of check.yml, and the calls that the lab got."""

    run: Run
    requests: Sequence[Request]
    controller: Controller


@pytest.fixture(scope="module")
def checked(module_controller: Controller) -> Checked:
    """Run check.yml."""
    controller = module_controller
    lab = controller.lab
    alice = controller.make_key("alice")
    own = {"ssh_access_private_key_file": str(controller.folder / "keys" / "alice")}
    lab.hold("partner", [])

    def declares(user_name: str) -> dict[str, object]:
        users = [{"user_name": user_name, "public_keys": alice}]
        return {"ssh_access_transfer_servers": [{"server_id": lab.server_id, "users": users}]}

    hosts = {
        "predicted": {"pair": of_instance(lab, 0), "own": of_instance(lab, 1, **own)},
        "connected": {"with_pair": of_instance(lab, 2), "with_own": of_instance(lab, 5, **own)},
        "both": {"both": of_instance(lab, 6, **declares("partner"))},
        "declared": {"localhost": {"ansible_connection": "local", **declares("made-later")}},
    }
    # One login for each connection.
    given = inventory(controller, hosts, ansible_ssh_args="-C")
    run = controller.run(
        PLAYBOOKS / "check.yml", "--check", inventory=given, environment={"ANSIBLE_PIPELINING": "true"}
    )
    return Checked(run, lab.requests(), controller)


def test_nothing_fails(checked: Checked) -> None:
    checked.run.assert_succeeded()


@pytest.mark.parametrize(("host", "number"), [("pair", 0), ("own", 1)])
def test_nothing_is_sent_and_the_play_ends_for_the_host(checked: Checked, host: str, number: int) -> None:
    said = str(checked.run.of(WAIT, host)["msg"])
    assert said.startswith(f"{host}: the key would be pushed to {instance_id(checked.controller.lab, number)} for ")
    assert f"the play ends here for {host}" in checked.run.output
    assert pushes(checked.requests, checked.controller.lab, number) == []
    assert checked.run.all_of("Log in", host) == []


def test_the_push_of_an_own_key_is_a_change_and_is_predicted(checked: Checked) -> None:
    # One task makes the calls for all hosts.
    assert checked.run.of(PUSH, "pair")["changed"] is True


def test_when_told_to_it_pushes_and_logs_in(checked: Checked) -> None:
    for host in ("with_pair", "with_own"):
        assert checked.run.of("Log in", host)["ping"] == "pong"


def test_where_an_earlier_push_is_live_it_sends_nothing_and_logs_in(checked: Checked) -> None:
    for host, number in (("with_pair", 2), ("with_own", 5)):
        assert checked.run.of("Log in again", host)["ping"] == "pong"
        assert len(pushes(checked.requests, checked.controller.lab, number)) == 1
    assert [told.result["changed"] for told in checked.run.all_of(PUSH, "with_pair")] == [True, False]


def test_close_deletes_the_key_pair_and_leaves_an_own_key(checked: Checked) -> None:
    assert checked.run.of("Look for the private key", "with_pair")["msg"] is False
    assert checked.run.of("Look for the private key", "with_own")["msg"] is True


def test_the_main_entry_point_predicts_the_keys_of_users_and_the_push(checked: Checked) -> None:
    headline, key, push = checked.run.of(WAIT, "both")["msg"]
    assert headline == f"{IN_CHECK_MODE}1 user of 1 server declared: 1 key added."
    assert f"partner + {fingerprint(checked.controller, 'alice')} alice@laptop" in key
    assert push.startswith("both: the key would be pushed to ")
    assert checked.run.of(PUSH, "both")["changed"] is True


def test_a_user_that_an_earlier_task_may_be_about_to_make_is_a_warning(checked: Checked) -> None:
    assert checked.run.of(PUSH, "localhost")["warnings"]
    assert "made-later" in str(checked.run.of(PUSH, "localhost")["warnings"])


def test_of_the_users_it_only_reads(checked: Checked) -> None:
    others = {request["operation"] for request in checked.requests} - {"SendSSHPublicKey"}
    assert others == {"DescribeUser"}
