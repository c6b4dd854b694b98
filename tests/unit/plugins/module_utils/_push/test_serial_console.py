# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of the serial console and the fingerprints of their keys: laws of the table, and regions that SDKs know."""

from __future__ import annotations

import base64
import re
import shlex

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._push.serial_console import SERIAL_CONSOLES
from botocore.session import get_session

# The forms in the table of the EC2 User Guide, for each partition of the SDK.
FORMS = {
    "aws": ("serial-console.ec2-instance-connect.{}.aws", "ec2-serial-console.{}.api.aws"),
    "aws-us-gov": ("serial-console.ec2-instance-connect.{}.amazonaws.com",),
    "aws-cn": ("ec2-serial-console.{}.api.amazonwebservices.com.cn",),
}


@pytest.mark.parametrize("region", SERIAL_CONSOLES)
def test_a_host_is_of_its_region_and_partition(region: str) -> None:
    partition = get_session().get_partition_for_region(region)
    assert SERIAL_CONSOLES[region].host in [form.format(region) for form in FORMS[partition]]


@pytest.mark.parametrize("region", SERIAL_CONSOLES)
def test_a_fingerprint_is_one_of_sha256_as_ssh_prints_it(region: str) -> None:
    fingerprint = SERIAL_CONSOLES[region].fingerprint
    assert re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", fingerprint)
    digest = base64.b64decode(fingerprint.removeprefix("SHA256:") + "=")
    assert len(digest) == 32
    # A wrong last character would have bits that no digest has.
    assert base64.b64encode(digest).decode().rstrip("=") == fingerprint.removeprefix("SHA256:")


def test_each_region_has_a_key_of_its_own() -> None:
    """The user guide says that they are unique for each region, so a row copied twice would show here."""
    assert len({console.fingerprint for console in SERIAL_CONSOLES.values()}) == len(SERIAL_CONSOLES)
    assert list(SERIAL_CONSOLES) == sorted(SERIAL_CONSOLES)


def test_the_command_is_that_of_the_user_guide() -> None:
    """EC2 User Guide, "Connect to the EC2 Serial Console", without the private key, which nobody here knows."""
    command = SERIAL_CONSOLES["us-east-1"].ssh_command("i-001234a4bf70dec41", 0)
    assert command == "ssh i-001234a4bf70dec41.port0@serial-console.ec2-instance-connect.us-east-1.aws"
    assert shlex.join(command.split()) == command
