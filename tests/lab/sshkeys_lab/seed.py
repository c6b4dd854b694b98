# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents of a fresh lab. The ids are the same in every lab, so a reset restores what lab.json describes."""

from __future__ import annotations

from dataclasses import dataclass

REGION = "us-east-1"


@dataclass(frozen=True)
class InstanceSeed:
    """An instance: its id, type and zone, whether it runs, and whether a real sshd is behind it."""

    instance_id: str
    instance_type: str
    availability_zone: str
    running: bool
    has_sshd: bool


INSTANCES = (
    InstanceSeed("i-0a4f3c1d2e5b69871", "t3.micro", "us-east-1a", running=True, has_sshd=True),
    InstanceSeed("i-0b7d9e2f4a6c18352", "t3.micro", "us-east-1b", running=True, has_sshd=True),
    InstanceSeed("i-0c1e5a8b3d7f92464", "t3.micro", "us-east-1a", running=True, has_sshd=True),
    InstanceSeed("i-0d6b2f9c8e4a71593", "t3.micro", "us-east-1a", running=False, has_sshd=True),
    # Not Nitro, so no serial console; and no ec2-instance-connect package, so a pushed key opens nothing.
    InstanceSeed("i-0e8c4d7a1b5f36209", "t2.micro", "us-east-1a", running=True, has_sshd=False),
    # With the first three, a fleet of ten.
    InstanceSeed("i-0f10a2b3c4d5e6f71", "t3.micro", "us-east-1a", running=True, has_sshd=True),
    InstanceSeed("i-0f21b3c4d5e6f7a82", "t3.micro", "us-east-1b", running=True, has_sshd=True),
    InstanceSeed("i-0f32c4d5e6f7a8b93", "t3.micro", "us-east-1c", running=True, has_sshd=True),
    InstanceSeed("i-0f43d5e6f7a8b9ca4", "t3.micro", "us-east-1a", running=True, has_sshd=True),
    InstanceSeed("i-0f54e6f7a8b9cadb5", "t3.micro", "us-east-1b", running=True, has_sshd=True),
    InstanceSeed("i-0f65f7a8b9cadbec6", "t3.micro", "us-east-1c", running=True, has_sshd=True),
    InstanceSeed("i-0f76a8b9cadbecfd7", "t3.micro", "us-east-1a", running=True, has_sshd=True),
)

# In the VPC and the subnet of the first instance.
ENDPOINT_ID = "eice-0a1b2c3d4e5f60718"

SERVER_ID = "s-0f1a2b3c4d5e6f708"
EMPTY_SERVER_ID = "s-0e2d4c6b8a0f1e3d5"

# A server that is no EC2 instance, on which the SSM Agent runs.
MANAGED_NODES = ("mi-0123456789abcdef0",)

# The Transfer users with a real sftp server and a home below HOMES, and enough others to fill more than one page of
# ListUsers.
SFTP_USERS = ("partner", "auditor")
HOMES = "/lab-uploads"
OTHER_USERS = ("archive", "billing", "nightly", "reports", "warehouse")
# Names of Transfer users that do not exist, but already have a real sftp server: a client creates them.
NEW_USERS = ("newcomer", "courier", "supplier")
