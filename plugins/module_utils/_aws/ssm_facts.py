# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The call to Systems Manager that tells which SSM Agents have registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import read, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Agent

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

# The service's limit for a page (Systems Manager API Reference, DescribeInstanceInformation).
AGENTS_OF_A_PAGE = 50


def agents(client: SSMClient, instance_ids: Sequence[str]) -> list[Agent]:
    """Return the agents of these instances and managed nodes (DescribeInstanceInformation). Raises ServiceError.

    instance_ids: at most ``AGENTS_OF_A_PAGE``, so that one page has them all. One whose agent has not registered is
    missing in the answer, and so is an instance that is stopped or terminated.
    """
    pages = client.get_paginator("describe_instance_information").paginate(
        Filters=[{"Key": "InstanceIds", "Values": list(instance_ids)}],
        PaginationConfig={"PageSize": AGENTS_OF_A_PAGE},
    )
    answer = read(pages.build_full_result)
    try:
        return [
            Agent(
                each["InstanceId"],
                each.get("PingStatus"),
                each.get("LastPingDateTime"),
                each.get("AgentVersion"),
                each.get("PlatformName"),
                each.get("PlatformVersion"),
                each.get("PlatformType"),
                each.get("ComputerName"),
                each.get("IPAddress"),
            )
            for each in answer["InstanceInformationList"]
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise unexpected(answer, "InstanceInformationList with an InstanceId each", in_doubt=False) from error
