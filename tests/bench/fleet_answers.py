# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What endpoint.py answers of instances, of the network around them and of their agents: all is open."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

_RULE = (
    "<item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>"
    "<ipv6Ranges/><prefixListIds/><groups/></item>"
)
_ENTRY = (
    "<item><ruleNumber>100</ruleNumber><protocol>-1</protocol><ruleAction>allow</ruleAction><egress>{}</egress>"
    "<cidrBlock>0.0.0.0/0</cidrBlock></item>"
)
# The set of each answer, by the action.
_SETS = {
    "DescribeSecurityGroups": (
        "securityGroupInfo",
        (
            f"<item><groupId>sg-1</groupId><groupName>web</groupName><ipPermissions>{_RULE}</ipPermissions>"
            f"<ipPermissionsEgress>{_RULE}</ipPermissionsEgress></item>"
        ),
    ),
    "DescribeRouteTables": (
        "routeTableSet",
        (
            "<item><routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId><associationSet><item><main>true</main></item>"
            "</associationSet><routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>"
            "<gatewayId>igw-1</gatewayId><state>active</state></item></routeSet></item>"
        ),
    ),
    "DescribeNetworkAcls": (
        "networkAclSet",
        (
            "<item><networkAclId>acl-1</networkAclId><associationSet><item><subnetId>subnet-1</subnetId></item>"
            f"</associationSet><entrySet>{_ENTRY.format('true')}{_ENTRY.format('false')}</entrySet></item>"
        ),
    ),
    "DescribeSubnets": (
        "subnetSet",
        "<item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></item>",
    ),
    "DescribeInstanceConnectEndpoints": (
        "instanceConnectEndpointSet",
        (
            "<item><instanceConnectEndpointId>eice-1</instanceConnectEndpointId><state>create-complete</state>"
            "<dnsName>eice-1.example.com</dnsName><vpcId>vpc-1</vpcId><subnetId>subnet-1</subnetId>"
            "<securityGroupIdSet><item>sg-1</item></securityGroupIdSet></item>"
        ),
    ),
    "DescribeImages": ("imagesSet", "<item><imageId>ami-1</imageId><name>al2023-ami-2023.9-x86_64</name></item>"),
}


def xml_of_ec2(body: str) -> str:
    """Return EC2's answer to a call."""
    form = dict(parse_qsl(body))
    action = form["Action"]
    name, items = _SETS.get(action, ("reservationSet", ""))
    if action == "DescribeInstances":
        ids = [value for key, value in form.items() if key.startswith("Filter.1.Value.")]
        items = f"<item><instancesSet>{''.join(map(_instance, ids))}</instancesSet></item>"
    inner = f"<requestId>r-1</requestId><{name}>{items}</{name}>"
    return f'<{action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{inner}</{action}Response>'


def _instance(instance_id: str) -> str:
    number = int(instance_id.removeprefix("i-"), 16)
    address = f"10.0.{number // 250}.{1 + number % 250}"
    return (
        f"<item><instanceId>{instance_id}</instanceId><imageId>ami-1</imageId><instanceState><code>16</code>"
        "<name>running</name></instanceState><instanceType>t3.micro</instanceType><vpcId>vpc-1</vpcId>"
        f"<subnetId>subnet-1</subnetId><privateIpAddress>{address}</privateIpAddress><networkInterfaceSet><item>"
        f"<subnetId>subnet-1</subnetId><privateIpAddress>{address}</privateIpAddress><groupSet><item>"
        "<groupId>sg-1</groupId></item></groupSet></item></networkInterfaceSet></item>"
    )


def agents(body: bytes) -> dict[str, object]:
    """Return the answer of DescribeInstanceInformation: each agent is online."""
    ids = json.loads(body)["Filters"][0]["Values"]
    online = {"PingStatus": "Online", "AgentVersion": "3.3.3050.0", "LastPingDateTime": 1.7e9}
    return {"InstanceInformationList": [{"InstanceId": each, **online} for each in ids]}
