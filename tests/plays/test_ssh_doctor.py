# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook ssh_doctor, over an inventory whose hosts are well, broken, or no instances."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run

PLAYBOOK = "sshkeys.aws.ssh_doctor"
TABLE, SUM, END = "Show which way leads to each host", "Sum up", "Fail if no way leads to a host"
NO_INSTANCE = "i-00000000000000000"
OURS = "ansible_ec2_instance_connect"


def inventory(controller: Controller, **hosts: Mapping[str, Any]) -> dict[str, Any]:
    """Return an inventory with these hosts, which are in the region of the lab unless they say otherwise."""
    placement = {"region": controller.lab.lab["region"]}
    # The connection would try to reach a host. Nobody does.
    variables = {"ansible_connection": "sshkeys.aws.ec2_instance_connect", "placement": placement}
    return {"all": {"vars": variables, "hosts": dict(hosts)}}


def calls(controller: Controller) -> list[str]:
    return [request["operation"] for request in controller.lab.requests()]


@pytest.fixture(scope="module")
def well_and_broken(module_controller: Controller) -> tuple[Run, list[str]]:
    """Run the playbook over hosts of each kind. Returns the run, and its calls."""
    lab = module_controller.lab
    first, second, third = lab.instance_ids[:3]
    stopped = next(each["instance_id"] for each in lab.lab["instances"] if each["state"] == "stopped")
    lab.control(
        "PUT", f"agents/{third}", information={"PingStatus": "ConnectionLost", "LastPingDateTime": 1_750_000_000}
    )
    hosts = inventory(
        module_controller,
        web={"instance_id": first},
        **{
            "by session": {"instance_id": second, f"{OURS}_tunnel": "session_manager"},
            "silent": {"instance_id": third, f"{OURS}_tunnel": "session_manager"},
            "stopped": {"instance_id": stopped, "password": "{{ not_defined_anywhere }}"},
            "missing": {"ansible_host": NO_INSTANCE},
            "node": {"instance_id": lab.lab["managed_nodes"][0]["instance_id"]},
            "router": {"ansible_host": "192.0.2.1"},
        },
    )
    lab.control("DELETE", "requests")
    run = module_controller.run(PLAYBOOK, inventory=hosts)
    return run, calls(module_controller)


def test_the_table_says_which_way_leads_to_each_host(
    well_and_broken: tuple[Run, list[str]], module_controller: Controller
) -> None:
    run, _calls = well_and_broken
    run.assert_succeeded()
    lines = run.of(TABLE)["msg"]
    rows = {re.split(r"  +", line)[0]: re.split(r"  +", line)[1:] for line in lines if not line.startswith(" ")}
    ids = module_controller.lab.instance_ids
    assert lines[0].split() == ["HOST", "INSTANCE", "STATE", "BEST", "WAY"]
    assert rows["web"] == [
        ids[0],
        "running",
        f"endpoint {module_controller.lab.lab['instance_connect_endpoint']['id']}",
    ]
    assert rows["by session"] == [ids[1], "running", "Session Manager"]
    assert rows["silent"] == [ids[2], "running", "none"]
    assert rows["stopped"][1:] == ["stopped", "none"]
    assert rows["missing"] == [NO_INSTANCE, "unknown", "none"]
    assert rows["node"][-1] == "Session Manager"
    assert rows["router"] == ["none", "no EC2 instance"]


def test_what_is_wrong_stands_under_its_host(well_and_broken: tuple[Run, list[str]]) -> None:
    run, _calls = well_and_broken
    text = " ".join(line.strip() for line in run.of(TABLE)["msg"])
    for told in (
        "Session Manager (closed): The SSM Agent was last heard of at 2025-06-15 15:06 UTC (PingStatus ConnectionLost",
        "The instance is stopped. Start it: aws ec2 start-instances",
        f"InvalidInstanceID.NotFound: The instance ID '{NO_INSTANCE}' does not exist.",
    ):
        assert told in text
    says = run.of(SUM)["msg"]
    assert says[0] == "A way leads to 3 of 6 instances."
    assert "No way leads to silent, stopped, missing." in says
    assert "router is no EC2 instance: no instance_id is set" in " ".join(says)


def test_hosts_that_share_what_decides_are_judged_by_one_call_of_the_module(
    well_and_broken: tuple[Run, list[str]],
) -> None:
    run, made = well_and_broken
    # Two tunnels.
    assert len(run.of("Judge the ways to all hosts of an account and region")["results"]) == 2
    assert made.count("DescribeInstances") == 2
    assert not {"SendSSHPublicKey", "StartSession", "OpenTunnel"} & set(made)


def test_a_pipeline_fails_and_a_limit_limits(module_controller: Controller) -> None:
    lab = module_controller.lab
    lab.control("POST", "reset")
    hosts = inventory(module_controller, web={"instance_id": lab.instance_ids[0]}, gone={"instance_id": NO_INSTANCE})
    failed = module_controller.run(PLAYBOOK, "-e", "ssh_doctor_fail=true", inventory=hosts)
    assert failed.status == 2
    assert failed.of(END)["msg"] == "No way leads to gone."
    limited = module_controller.run(
        PLAYBOOK, "-e", "ssh_doctor_fail=true", "-e", "ssh_doctor_all=true", "--limit", "web", inventory=hosts
    )
    limited.assert_succeeded()
    text = " ".join(line.strip() for line in limited.of(TABLE)["msg"])
    assert "gone" not in text
    assert "direct (not known): 10.0.0.10 is a private address, and the instance has no public address." in text


def test_what_cannot_be_judged_is_shown_and_nothing_secret_is(module_controller: Controller) -> None:
    lab = module_controller.lab
    lab.control("POST", "reset")
    lab.misbehave(
        *(
            {"operation": operation, "fault": "error", "code": "UnauthorizedOperation", "status": 403, "times": None}
            for operation in ("DescribeInstanceConnectEndpoints", "DescribeSecurityGroups")
        )
    )
    hosts = inventory(
        module_controller,
        web={"instance_id": lab.instance_ids[0]},
        elsewhere={"instance_id": lab.instance_ids[1], f"{OURS}_profile": "nobody"},
    )
    run = module_controller.run(PLAYBOOK, inventory=hosts)
    run.assert_succeeded()
    text = " ".join(line.strip() for line in run.of(TABLE)["msg"])
    assert "The credentials may not call ec2:DescribeInstanceConnectEndpoints" in text
    assert "Session Manager, perhaps" in text
    assert "profile" in text
    assert "elsewhere could not be judged." in run.of(SUM)["msg"]


def test_hosts_whose_variables_are_undefined_or_wrong_are_told_of_and_the_others_are_judged(
    module_controller: Controller,
) -> None:
    lab = module_controller.lab
    lab.control("POST", "reset")
    first, second = lab.instance_ids[:2]
    hosts = inventory(
        module_controller,
        # The tasks run on behalf of the first host.
        broken={"instance_id": first, "ansible_host": "{{ nowhere }}"},
        mistyped={"instance_id": "i-0123456789"},
        web={"instance_id": first},
        web_by_address={"instance_id": first, "ansible_host": "bastion.example.com"},
        unplaced={"instance_id": second, "placement": {"region": "{{ nowhere }}"}},
    )
    run = module_controller.run(PLAYBOOK, "-e", "ssh_doctor_fail=true", inventory=hosts)
    assert run.status == 2
    text = " ".join(line.strip() for line in run.of(TABLE)["msg"])
    assert "ansible_host cannot be read: " in text
    assert "placement cannot be read: " in text
    assert "instance_id is 'i-0123456789', which is not the id of an instance" in text
    assert run.of(SUM)["msg"][0] == "A way leads to 2 of 5 instances."
    assert run.of(END)["msg"] == "broken, mistyped, unplaced could not be judged."


def test_the_configuration_of_ansible_counts_as_for_the_connection(module_controller: Controller) -> None:
    lab = module_controller.lab
    lab.control("POST", "reset")
    first, second = lab.instance_ids[:2]
    hosts = inventory(
        module_controller,
        # What one host says is no default of the others.
        other={"instance_id": second, f"{OURS}_tunnel": "endpoint", "ansible_port": 22},
        web={"instance_id": first},
    )
    configuration = module_controller.write(
        "doctor.cfg", "[defaults]\nremote_port = 2222\n[ec2_instance_connect_connection]\ntunnel = session_manager\n"
    )
    run = module_controller.run(
        PLAYBOOK, "-e", "ssh_doctor_all=true", inventory=hosts, environment={"ANSIBLE_CONFIG": str(configuration)}
    )
    run.assert_succeeded()
    lines = run.of(TABLE)["msg"]
    assert next(line for line in lines if line.startswith("web ")).endswith("Session Manager")
    assert " endpoint eice-" in next(line for line in lines if line.startswith("other "))
    assert "endpoint (closed): The port is 2222" in " ".join(line.strip() for line in lines)


def test_a_wrong_variable_is_refused(module_controller: Controller) -> None:
    lab = module_controller.lab
    lab.control("POST", "reset")
    hosts = inventory(module_controller, web={"instance_id": lab.instance_ids[0]})
    lab.control("DELETE", "requests")
    run = module_controller.run(PLAYBOOK, "-e", "ssh_doctor_source_cidr=192.0.2.0/24,", inventory=hosts)
    assert run.status == 2
    assert "ends in a comma" in run.of("Refuse variables that cannot be used")["msg"]
    assert calls(module_controller) == []


def test_calls_have_names_and_credentials_are_printed_nowhere(module_controller: Controller) -> None:
    """Even where each task prints all that it has: a run that prints a secret fails."""
    lab = module_controller.lab
    lab.control("POST", "reset")
    environment = lab.environment
    hosts = inventory(
        module_controller,
        web={"instance_id": lab.instance_ids[0]},
        other={
            "instance_id": lab.instance_ids[1],
            f"{OURS}_access_key": environment["AWS_ACCESS_KEY_ID"],
            f"{OURS}_secret_key": environment["AWS_SECRET_ACCESS_KEY"],
        },
    )
    run = module_controller.run(PLAYBOOK, "-vvv", inventory=hosts)
    run.assert_succeeded()
    assert run.of(SUM)["msg"][0] == "A way leads to 2 of 2 instances."
    assert f"(item={lab.lab['region']})" in run.output


def test_a_flag_that_is_neither_true_nor_false_is_refused(module_controller: Controller) -> None:
    hosts = inventory(module_controller, web={"instance_id": module_controller.lab.instance_ids[0]})
    run = module_controller.run(PLAYBOOK, "-e", "ssh_doctor_fail=maybe", inventory=hosts)
    assert run.status == 2
    message = run.of("Refuse variables that cannot be used")["msg"]
    assert message == "ssh_doctor_fail is 'maybe', and must be true or false."
