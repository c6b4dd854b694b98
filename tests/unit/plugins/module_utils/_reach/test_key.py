# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an instance accepts a pushed key, as far as image, agent and metadata tell."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Agent, Image, Instance, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.key import judge_key
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import Verdict

INSTANCE = Instance("i-0123456789abcdef0", "running", image_id="ami-1", has_metadata=True)


def judged(name: str | None, agent: str | None = None) -> Verdict:
    images = {"ami-1": Image("ami-1", name)} if name is not None else {}
    agents = {INSTANCE.id: Agent(INSTANCE.id, platform_name=agent)} if agent else {}
    return judge_key(INSTANCE, images, agents)


@pytest.mark.parametrize(
    "name",
    [
        "al2023-ami-2023.9.20251110.1-kernel-6.1-x86_64",
        "amzn2-ami-kernel-5.10-hvm-2.0.20251110.1-x86_64-gp2",
        "ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-server-20240228",
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20251022",
        "ubuntu-pro-server/images/hvm-ssd/ubuntu-jammy-22.04-amd64-pro-server-20251022",
        "amzn-ec2-macos-14.5-20240530-185114",
        "amzn-ec2-macos-14.2.1-20240110-173313",
        "amzn-ec2-macos-13.6.3-20231220-202020-arm64",
        "amzn-ec2-macos-12.7.10-20250101-202020",
        "amzn-ec2-macos-26.0.1-20251010-202020-arm64",
    ],
)
def test_images_that_have_the_package(name: str) -> None:
    assert judged(name) == Verdict(True)


@pytest.mark.parametrize(
    "name",
    [
        "debian-12-amd64-20251006-2257",
        "RHEL-9.4.0_HVM-20250101-x86_64-0-Hourly2-GP3",
        "CentOS Stream 9 x86_64 20251027",
        "Rocky-9-EC2-Base-9.6-20250531.0.x86_64",
        "AlmaLinux OS 9.6.20250522 x86_64",
        "ubuntu/images/hvm-ssd/ubuntu-bionic-18.04-amd64-server-20230607",
        "amzn-ami-hvm-2018.03.0.20231218.0-x86_64-gp2",
        "al2023-ami-minimal-2023.9.20251110.1-kernel-6.1-x86_64",
        "bottlerocket-aws-k8s-1.33-x86_64-v1.50.0",
        "amzn-ec2-macos-14.2-20231220-202020",
        "amzn-ec2-macos-13.6.2-20231110-202020",
        "amzn-ec2-macos-11.7.10-20230926-202020",
    ],
)
def test_images_that_probably_lack_it_leave_it_open(name: str) -> None:
    found = judged(name)
    assert found.is_open is None
    (reason,) = found.reasons
    assert reason.startswith(
        f"As far as can be told, the package ec2-instance-connect is not in the image: its image is {name}."
    )
    assert "install it" in reason


@pytest.mark.parametrize("name", ["golden-2026-11", "ubuntu-minimal/images/hvm-ssd/ubuntu-noble-24.04-amd64", "", None])
def test_of_other_images_nothing_can_be_told(name: str | None) -> None:
    found = judged(name)
    assert (found.is_open, found.reasons) == (None, ())
    (note,) = found.notes
    assert note.startswith("Whether the package ec2-instance-connect is installed cannot be told.")
    assert (name or "does not return the image ami-1") in note


@pytest.mark.parametrize(
    ("agent", "is_open", "has_reason"),
    [
        ("Amazon Linux", True, False),
        ("Ubuntu 22.04", True, False),
        ("Debian GNU/Linux", None, True),
        ("Gentoo", None, False),
    ],
)
def test_the_agent_is_a_witness_for_images_with_other_names(agent: str, is_open: bool | None, has_reason: bool) -> None:
    found = judged("golden-2026-11", agent)
    assert (found.is_open, bool(found.reasons)) == (is_open, has_reason)


@pytest.mark.parametrize(
    ("image", "agent"),
    [
        ("ubuntu-minimal/images/hvm-ssd/ubuntu-noble-24.04-amd64", "Ubuntu 24.04"),
        ("amzn2-ami-ecs-hvm-2.0.20251110-x86_64-ebs", "Amazon Linux 2"),
    ],
)
def test_the_agent_does_not_know_better_of_images_that_may_lack_it(image: str, agent: str) -> None:
    """It reports the system, and not which packages a smaller image of it leaves out."""
    found = judged(image, agent)
    assert (found.is_open, found.reasons) == (None, ())
    (note,) = found.notes
    assert image in note


def test_windows_has_no_keys() -> None:
    windows = Instance("i-1", "running", is_windows=True)
    found = judge_key(windows, {}, {})
    assert found.is_open is False
    assert "runs Windows" in found.reasons[0]


@pytest.mark.parametrize(("has_metadata", "is_open"), [(True, True), (None, True), (False, False)])
def test_metadata(has_metadata: bool | None, is_open: bool) -> None:
    instance = Instance("i-1", "running", image_id="ami-1", has_metadata=has_metadata)
    found = judge_key(instance, {"ami-1": Image("ami-1", "al2023-ami-2023.9-kernel-6.1-x86_64")}, {})
    assert found.is_open is is_open
    if not is_open:
        assert "--instance-id i-1 --http-endpoint enabled" in found.reasons[0]


def test_what_could_not_be_read() -> None:
    found = judge_key(INSTANCE, Unread("No images."), Unread("No agents."))
    assert found.is_open is None
    assert found.notes[0].endswith("No images.")
