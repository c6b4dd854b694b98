# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies are such that IAM takes them, and allow every call that the collection makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from ansible_collections.sshkeys.aws.tests.guides.guides import ROOT, Block, blocks
from botocore import xform_name

POLICIES = [block for block in blocks("json") if "Principal" not in block.text]
# Those that say who may assume a role.
TRUST_POLICIES = [block for block in blocks("json") if "Principal" in block.text and "Federated" in block.text]
TRUST_POLICIES_OF_SERVICES = [
    block for block in blocks("json") if "Principal" in block.text and "Federated" not in block.text
]

# Partition, service, region, account and resource; wildcards where IAM takes them.
ARN = re.compile(
    r"arn:aws:(?P<service>[a-z0-9-]+):([a-z0-9-]*|\*):(\d{12}|\*|):(?P<resource>[a-z-]+/[A-Za-z0-9/*${}:-]+)"
)

# Which resources the actions take: the Service Authorization Reference. None is "*" alone.
RESOURCES = {
    "ec2-instance-connect:SendSSHPublicKey": r"ec2 instance/(\*|i-[0-9a-f]{17})",
    "ec2-instance-connect:SendSerialConsoleSSHPublicKey": r"ec2 instance/(\*|i-[0-9a-f]{17})",
    "ec2-instance-connect:OpenTunnel": r"ec2 instance-connect-endpoint/(\*|eice-[0-9a-f]{17})",
    "ec2:DescribeInstances": None,
    "ec2:DescribeInstanceConnectEndpoints": None,
    "ec2:DescribeImages": None,
    "ec2:DescribeNetworkAcls": None,
    "ec2:DescribeRouteTables": None,
    "ec2:DescribeSecurityGroups": None,
    "ec2:DescribeSubnets": None,
    "ec2:GetManagedPrefixListEntries": r"ec2 prefix-list/\*",
    "ec2:GetConsoleOutput": r"ec2 instance/(\*|i-[0-9a-f]{17})",
    "ec2:DescribeRegions": None,
    "ssm:DescribeInstanceInformation": None,
    "ssm:StartSession": r"ec2 instance/(\*|i-[0-9a-f]{17})|ssm document/AWS-StartSSHSession",
    "ssm:ResumeSession": r"ssm session/\*",
    "ssm:TerminateSession": r"ssm session/\*",
    "ssmmessages:OpenDataChannel": r"ssm session/\$\{aws:userid\}-\*",
    "sts:AssumeRole": r"iam role/[\w-]+",
    "transfer:DescribeServer": r"transfer server/\*",
    "transfer:ListHostKeys": r"transfer server/\*",
    "transfer:ListServers": None,
    "transfer:ListUsers": r"transfer server/s-[0-9a-f]{17}",
    "transfer:DescribeUser": r"transfer user/s-[0-9a-f]{17}/\*",
    "iam:PassRole": r"iam role/[\w-]+",
    "transfer:CreateUser": r"transfer server/s-[0-9a-f]{17}",
    "transfer:UpdateUser": r"transfer user/s-[0-9a-f]{17}/\*",
    "transfer:DeleteUser": r"transfer user/s-[0-9a-f]{17}/\*",
    "transfer:TagResource": r"transfer user/s-[0-9a-f]{17}/\*",
    "transfer:UntagResource": r"transfer user/s-[0-9a-f]{17}/\*",
    "transfer:ImportSshPublicKey": r"transfer user/s-[0-9a-f]{17}/\*",
    "transfer:DeleteSshPublicKey": r"transfer user/s-[0-9a-f]{17}/\*",
}
# And which conditions, apart from aws:ResourceTag, which all of them but those of EC2 take.
CONDITIONS = {
    "ec2-instance-connect:SendSSHPublicKey": {"ec2:osuser"},
    "ec2-instance-connect:OpenTunnel": {"ec2-instance-connect:remotePort"},
    "iam:PassRole": {"iam:PassedToService"},
    "ssm:StartSession": {"ssm:resourceTag/SshAccess"},
    "ssm:ResumeSession": {"ssm:resourceTag/aws:ssmmessages:session-id"},
    "ssm:TerminateSession": {"ssm:resourceTag/aws:ssmmessages:session-id"},
}
# The files with a function for each call.
CALLERS = ("ec2", "ec2_facts", "instance_connect", "ssm", "ssm_facts", "transfer", "transfer_servers")
# Websockets and permissions without a call of their own, so the SDK does not know them.
NO_OPERATIONS = {"ec2-instance-connect:OpenTunnel", "iam:PassRole", "ssmmessages:OpenDataChannel"}


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements() -> Iterator[dict[str, Any]]:
    for block in POLICIES:
        yield from json.loads(block.text)["Statement"]


def operations(service: str) -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_service_model(service).operation_names)


@pytest.mark.parametrize("block", POLICIES, ids=str)
def test_policy_has_the_elements_that_iam_knows(block: Block) -> None:
    policy = json.loads(block.text)
    assert list(policy) == ["Version", "Statement"]
    assert policy["Version"] == "2012-10-17"
    assert policy["Statement"]
    for statement in policy["Statement"]:
        assert set(statement) - {"Condition"} == {"Sid", "Effect", "Action", "Resource"}
        assert re.fullmatch(r"[A-Za-z0-9]+", statement["Sid"])
        assert statement["Effect"] in {"Allow", "Deny"}
        assert set(statement.get("Condition", {})) <= {"StringEquals", "StringLike", "NumericEquals"}


@pytest.mark.parametrize("block", TRUST_POLICIES, ids=str)
def test_trust_policy_names_one_repository_and_one_branch(block: Block) -> None:
    """IAM User Guide, "Create a role for OpenID Connect federation"."""
    policy = json.loads(block.text)
    assert policy["Version"] == "2012-10-17"
    (statement,) = policy["Statement"]
    assert set(statement) == {"Sid", "Effect", "Principal", "Action", "Condition"}
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    provider = re.fullmatch(r"arn:aws:iam::\d{12}:oidc-provider/(\S+)", statement["Principal"]["Federated"])
    assert provider
    (conditions,) = statement["Condition"].values()
    assert set(statement["Condition"]) == {"StringEquals"}
    assert conditions[f"{provider[1]}:aud"] == "sts.amazonaws.com"
    assert re.fullmatch(r"repo:[\w-]+/[\w-]+:ref:refs/heads/\w+", conditions[f"{provider[1]}:sub"])


@pytest.mark.parametrize("block", TRUST_POLICIES_OF_SERVICES, ids=str)
def test_trust_policy_names_the_service_that_needs_the_role(block: Block) -> None:
    """Transfer Family User Guide, "Create an IAM role and policy"."""
    policy = json.loads(block.text)
    assert policy["Version"] == "2012-10-17"
    (statement,) = policy["Statement"]
    assert {name: statement[name] for name in statement if name != "Sid"} == {
        "Effect": "Allow",
        "Principal": {"Service": "transfer.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }


def test_statements_have_names_of_their_own() -> None:
    names = [statement["Sid"] for statement in statements()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("statement", list(statements()), ids=lambda statement: statement["Sid"])
def test_actions_exist_and_take_these_resources_and_conditions(statement: dict[str, Any]) -> None:
    for action in as_list(statement["Action"]):
        service, _colon, name = action.partition(":")
        assert action in NO_OPERATIONS or name in operations(service)
        resource = RESOURCES[action]
        for given in as_list(statement["Resource"]):
            if resource is None or statement["Effect"] == "Deny":
                assert given == "*"
            else:
                arn = ARN.fullmatch(given)
                assert arn, given
                assert re.fullmatch(resource, f"{arn['service']} {arn['resource']}")
        keys = {key for test in statement.get("Condition", {}).values() for key in test}
        assert {key for key in keys if not key.startswith("aws:ResourceTag/")} <= CONDITIONS.get(action, set())


def test_every_call_of_the_collection_is_allowed() -> None:
    files = [ROOT / f"plugins/module_utils/_aws/{name}.py" for name in CALLERS]
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    # client.describe_user, and client.get_paginator("list_users").
    called = set(re.findall(r"\bclient\.(?!get_paginator|meta|generate_|_)(\w+)|get_paginator\(\"(\w+)\"\)", source))
    methods = {one or other for one, other in called}
    actions = {
        action.partition(":")[2]
        for statement in statements()
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
    }
    assert methods
    assert methods <= {xform_name(action) for action in actions}
