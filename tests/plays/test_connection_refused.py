# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot work, or must not: each ends in a sentence that says what and what to do, and lets nobody else in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    OURS,
    PLAYBOOKS,
    calls,
    direct,
    instances,
    inventory,
    private,
    public_part,
    pushes,
    short_folder_for_sockets,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

# Instances that no refused host shares.
STOPPED, OTHER_KEY, NO_KEY, REPLACED, ACCEPTED, LEFT_TO_SSH, ROLE, ROLE_TOO, NO_AGENT = range(1, 10)
# Seconds, less than the ten that are the default of Ansible.
NO_VPC = {f"{OURS}_vpc_id": "vpc-00000000000000000"}
ONLY_THE_ENDPOINT = {f"{OURS}_tunnel": "endpoint"}
ONLY_A_SESSION = {f"{OURS}_tunnel": "session_manager"}
FORBIDDEN_ROLE, ROLE_ARN = (f"arn:aws:iam::123456789012:role/{name}" for name in ("forbidden", "fleet"))

CONFIGURATION = """
Host i-* mi-*
  ProxyCommand sh -c "aws ssm start-session --target %h --document-name AWS-StartSSHSession"
Host *
  ProxyJump bastion
"""

# No profile is complete without the certificate of the lab's endpoint, and the default profile has another one.
PROFILES = """
[default]
ca_bundle = {folder}/other/certificate.pem

[profile no_certificates]
ca_bundle = {folder}/nowhere.pem
aws_access_key_id = {access_key}
aws_secret_access_key = {secret_key}

[profile fleet]
ca_bundle = {ca_bundle}
aws_access_key_id = {access_key}
aws_secret_access_key = {secret_key}
"""


@dataclass(frozen=True)
class Case:
    """A host, and the pattern of what is said of it. Both may name files of the test, such as {folder}."""

    says: str
    variables: dict[str, Any]
    number: int = 0
    is_private: bool = False


CASES = {
    "stopped": Case(
        "The key could not be pushed, so ssh did not connect. EC2InstanceStateInvalidException: .* Start the instance",
        {},
        STOPPED,
    ),
    "does_not_exist": Case(
        "The key could not be pushed, so ssh did not connect. EC2InstanceNotFoundException.* "
        "The region was us-east-1, from AWS_",
        {f"{OURS}_instance_id": "i-00000000000000000"},
        is_private=True,
    ),
    "user_unknown": Case(
        "the key was pushed, and ssh did not accept the key. .*Permission denied.*Likely causes, the likeliest first",
        {"ansible_user": "nobody-at-all"},
    ),
    "ecdsa": Case("The key could not be pushed.*ecdsa", {"ansible_private_key_file": "{folder}/keys/erin"}),
    "no_key_file": Case(
        "There is no .*nowhere.pub, and the public key cannot be read",
        {"ansible_private_key_file": "{folder}/nowhere"},
    ),
    "nothing_listens": Case(
        "The key was pushed, and the instance could not be reached. 127.0.0.1 port 1: Connection refused",
        {"ansible_port": 1},
    ),
    "not_behind_the_endpoint": Case(
        "Unable to connect to target.*security group", {f"{OURS}_private_ip_address": "10.99.99.99"}, is_private=True
    ),
    "port_2222": Case(
        "The connection could not be prepared. The port of this host is 2222 .* only to the ports 22 and 3389",
        {"ansible_port": 2222, **ONLY_THE_ENDPOINT},
        is_private=True,
    ),
    "port_2222_by_id": Case(
        "no tunnel could be opened. The port of this host is 2222 .* only to the ports 22 and 3389",
        {"ansible_port": 2222, "private_ip_address": None, f"{OURS}_endpoint_id": "{endpoint_id}"},
        is_private=True,
    ),
    "no_endpoint": Case(
        "No EC2 Instance Connect Endpoint in vpc-0+ is ready. Create one .*_tunnel: never",
        {**NO_VPC, **ONLY_THE_ENDPOINT},
        is_private=True,
    ),
    "no_way_at_all": Case(
        r"The key was pushed, and no way to the instance worked. \(1\) An EC2 Instance Connect Endpoint: No EC2 "
        r"Instance Connect Endpoint in vpc-0+ is ready.* \(2\) Session Manager: TargetNotConnected.* \(3\) Its private "
        r"address: 224.0.0.1 port 22: ",
        # No network carries packets there over TCP.
        {**NO_VPC, "private_ip_address": "224.0.0.1"},
        NO_AGENT,
        is_private=True,
    ),
    "no_endpoint_and_nothing_listens": Case(
        r"no way to the instance worked. \(1\) .* 127.0.0.1 port 1: Connection refused. It may still be booting",
        {**NO_VPC, "ansible_host": "127.0.0.1", "ansible_port": 1},
        is_private=True,
    ),
    "no_agent": Case(
        "no session could be opened through Session Manager. TargetNotConnected: .* The region was us-east-1, from the "
        "variable placement",
        ONLY_A_SESSION,
        NO_AGENT,
    ),
    "no_sshd_for_the_agent": Case(
        "no session could be opened through Session Manager. .*port.* listen on the loopback address",
        {**ONLY_A_SESSION, "ansible_port": 1},
        is_private=True,
    ),
    "managed_node_without_a_key": Case(
        "mi-0123456789abcdef0 is a managed node .* Set ansible_private_key_file",
        {"instance_id": "mi-0123456789abcdef0"},
    ),
    "managed_node_through_an_endpoint": Case(
        "mi-0123456789abcdef0 is a managed node .* Set ansible_ec2_instance_connect_tunnel",
        {
            "instance_id": "mi-0123456789abcdef0",
            "ansible_private_key_file": "{folder}/nowhere",
            **ONLY_THE_ENDPOINT,
        },
    ),
    "endpoint_does_not_exist": Case(
        "no tunnel could be opened. InvalidInstanceConnectEndpointId.NotFound",
        {f"{OURS}_endpoint_id": "eice-00000000000000000"},
        is_private=True,
    ),
    "bastion": Case(
        "ssh_common_args contains -J bastion, but ansible_connection: sshkeys.aws.ec2_instance_connect makes its own",
        {"ansible_ssh_common_args": "-J bastion"},
    ),
    "bastion_behind_a_letter": Case(
        "ssh_extra_args contains -J bastion, but ansible_connection: sshkeys.aws.ec2_instance_connect makes its own",
        {"ansible_ssh_extra_args": "-vJ bastion"},
    ),
    "bastion_of_ssh": Case(
        "The configuration of ssh has proxyjump bastion for this host.* -o ProxyCommand=none",
        {"ansible_ssh_common_args": "-F {folder}/ssh_config"},
    ),
    "i-0a4f3c1d2e5b69871": Case(
        "The configuration of ssh has proxycommand sh -c .* add to ansible_ssh_common_args. -o ProxyCommand=none",
        {"ansible_ssh_common_args": "-F {folder}/ssh_config", "private_ip_address": None},
        is_private=True,
    ),
    "wrong_credentials": Case(
        "The key could not be pushed.*UnrecognizedClientException",
        {f"{OURS}_access_key": "AKIAIOSFODNN7EXAMPLE", f"{OURS}_secret_key": "secret", f"{OURS}_profile": ""},
    ),
    "role_forbidden": Case(
        "The connection could not be prepared. .*AccessDenied", {f"{OURS}_assume_role_arn": FORBIDDEN_ROLE}
    ),
    "profile_unknown": Case("The connection could not be prepared. .*nowhere", {f"{OURS}_profile": "nowhere"}),
    # The lab's certificate is for 127.0.0.1 alone.
    "endpoint_of_another_name": Case(
        "no tunnel could be opened. The endpoint cannot be reached: .*certificate verify failed.*localhost",
        {f"{OURS}_endpoint_id": "{endpoint_id}", f"{OURS}_endpoint_dns_name": "{other_name}"},
        is_private=True,
    ),
    "endpoint_of_an_unknown_authority": Case(
        "no tunnel could be opened. The endpoint cannot be reached: .*certificate verify failed",
        {f"{OURS}_profile": "default", **ONLY_THE_ENDPOINT},
        is_private=True,
    ),
    # A mistake on the controller is told before the push, where no way but a tunnel can be open.
    "certificates_are_missing": Case(
        "The connection could not be prepared. The certificates in .*nowhere.pem cannot be read: No such file.*CA_BUND",
        {f"{OURS}_profile": "no_certificates", **ONLY_A_SESSION},
        is_private=True,
    ),
    # What the configuration of ssh says of other hosts makes no difference.
    "host_key_changed": Case(
        "REMOTE HOST IDENTIFICATION HAS CHANGED.*looked up under i-",
        {"ansible_ssh_common_args": "-F {folder}/trusting_config"},
        OTHER_KEY,
    ),
    "host_key_replaced": Case(
        "REMOTE HOST IDENTIFICATION HAS CHANGED.*/known_hosts/i-.*delete the old ones", {}, REPLACED
    ),
    "host_key_unknown": Case("No host keys of i-[0-9a-f]+ are known.*accept-new", {"ansible_timeout": 3}, NO_KEY),
}


@dataclass(frozen=True)
class Tried:
    """A run of what cannot work."""

    lab: RunningLab
    folder: Path
    run: Run


def prepare(controller: Controller) -> None:
    """Let instances and the endpoint be as the cases want them, and write the files of a user."""
    lab = controller.lab
    ids = [each["instance_id"] for each in instances(lab)]
    other_key = controller.make_key("bob")
    block = f"-----BEGIN SSH HOST KEY KEYS-----\n{other_key}\n-----END SSH HOST KEY KEYS-----\n"
    lab.control("PUT", f"instances/{ids[STOPPED]}", state="stopped")
    lab.control("PUT", f"instances/{ids[OTHER_KEY]}", console=block)
    lab.control("PUT", f"instances/{ids[NO_AGENT]}", agent=False)
    for number in (NO_KEY, ACCEPTED, LEFT_TO_SSH):
        lab.control("PUT", f"instances/{ids[number]}", console="Welcome.")
    refused = {"operation": "AssumeRole", "fault": "error", "code": "AccessDenied", "status": 403, "times": None}
    lab.misbehave({**refused, "match": {"RoleArn": FORBIDDEN_ROLE}})
    # An earlier run has read it.
    controller.write(f"home/.local/state/sshkeys.aws/known_hosts/{ids[REPLACED]}", f"{ids[REPLACED]} {other_key}\n")
    controller.make_key("erin", "ecdsa")
    controller.write("ssh_config", CONFIGURATION)
    trusting = f"StrictHostKeyChecking no\nUserKnownHostsFile {controller.folder}/trusted\n"
    controller.write("trusting_config", trusting)
    (controller.folder / "other").mkdir()
    certificate_of_its_own(controller.folder / "other")
    controller.write("profiles", PROFILES.format(folder=controller.folder, **lab.lab))


def hosts_of(controller: Controller) -> dict[str, Any]:
    """Return the inventory of all cases, and of hosts that must be let in beside them."""
    lab, folder = controller.lab, controller.folder
    endpoint = lab.lab["instance_connect_endpoint"]
    files = {
        "folder": str(folder),
        "endpoint_id": endpoint["id"],
        "other_name": endpoint["dns_name"].replace("127.0.0.1", "localhost"),
    }

    def filled(variables: dict[str, Any]) -> dict[str, Any]:
        return {name: value.format(**files) if isinstance(value, str) else value for name, value in variables.items()}

    refused = {
        name: {**(private if case.is_private else direct)(lab, case.number), **filled(case.variables)}
        for name, case in CASES.items()
    }
    role = {f"{OURS}_assume_role_arn": ROLE_ARN}
    accepted = {
        "role": {**private(lab, ROLE), **role},
        "role_too": {**direct(lab, ROLE_TOO), **role},
        "accept_new": {
            **direct(lab, ACCEPTED),
            f"{OURS}_host_keys": "accept-new",
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={folder}/accepted",
        },
        "left_to_ssh": {
            **direct(lab, LEFT_TO_SSH),
            f"{OURS}_host_keys": "ssh",
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={lab.lab['known_hosts']}",
        },
        "known_to_ssh": {
            **direct(lab, LEFT_TO_SSH),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={lab.lab['known_hosts']}",
        },
    }
    here = {"localhost": {"ansible_connection": "local"}}
    hosts = inventory(lab, refused=refused, accepted=accepted, here=here)
    hosts["all"]["vars"][f"{OURS}_profile"] = "fleet"
    return hosts


@pytest.fixture(scope="module")
def tried(module_controller: Controller) -> Iterator[Tried]:
    controller = module_controller
    prepare(controller)
    with short_folder_for_sockets() as environment, pytest.MonkeyPatch.context() as patch:
        # The user has profiles, and nothing of it in the environment.
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CA_BUNDLE"):
            patch.delenv(name)
        run = controller.run(
            PLAYBOOKS / "refused.yml",
            inventory=hosts_of(controller),
            variables=public_part(controller.lab),
            environment={
                **environment,
                # Paths begin where ansible-playbook was started.
                "AWS_CONFIG_FILE": "profiles",
                "AWS_SHARED_CREDENTIALS_FILE": controller.lab.lab["credentials_file"],
            },
        )
        yield Tried(controller.lab, controller.folder, run)


def test_hosts_that_are_refused_are_unreachable(tried: Tried) -> None:
    assert tried.run.status == 4
    said = {each.host: each.status for each in tried.run.all_of("Say hello")}
    accepted = ("role", "role_too", "accept_new", "left_to_ssh", "known_to_ssh")
    assert said == {**dict.fromkeys(CASES, "unreachable"), **dict.fromkeys(accepted, "ok")}


@pytest.mark.parametrize("host", CASES)
def test_what_cannot_work_is_a_sentence(tried: Tried, host: str) -> None:
    said = tried.run.of("Say hello", host)["msg"]
    assert re.search(CASES[host].says, said, re.DOTALL), said


@pytest.mark.parametrize("number", [ROLE, ROLE_TOO])
def test_a_profile_and_a_role_work_together(tried: Tried, number: int) -> None:
    """The profile has the credentials for STS and the certificates to trust, and the role has those for the push."""
    mine = tried.lab.lab["access_key"]
    assumed = [each for each in tried.lab.requests() if each["parameters"].get("RoleArn") == ROLE_ARN]
    # Once for all hosts.
    assert [each["access_key"] for each in assumed] == [mine]
    by = [
        each["access_key"]
        for each in tried.lab.requests()
        if each["parameters"].get("InstanceId") == instances(tried.lab)[number]["instance_id"]
    ]
    assert by
    assert mine not in by


def test_a_host_key_that_is_accepted_is_known_by_the_id_of_the_instance(tried: Tried) -> None:
    instance_id = instances(tried.lab)[ACCEPTED]["instance_id"]
    assert (tried.folder / "accepted").read_text().startswith(f"{instance_id} ssh-ed25519 ")


@pytest.mark.parametrize("number", [ACCEPTED, LEFT_TO_SSH, REPLACED])
def test_the_console_is_not_asked_for_host_keys_that_are_not_wanted_or_known(tried: Tried, number: int) -> None:
    assert calls(tried.lab, "GetConsoleOutput", InstanceId=instances(tried.lab)[number]["instance_id"]) == []


def test_no_key_is_pushed_where_the_way_is_refused_before(tried: Tried) -> None:
    """Nothing but what was accepted reached an instance that only refused hosts have."""
    assert pushes(tried.lab, STOPPED)
    assert not calls(tried.lab, "SendSSHPublicKey", InstanceId="i-00000000000000000")[1:]
