# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether an instance accepts a key that EC2 Instance Connect has pushed. Pure.

The image decides as far as its name tells: nobody sees from outside what has been installed or removed since. (EC2 User
Guide, "Install EC2 Instance Connect on your EC2 instances".)
"""

from __future__ import annotations

import re
from typing import Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Agent, Image, Instance, Read, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import (
    OPEN,
    Verdict,
    all_of,
    closed,
    unknown,
)

_HAS, _LACKS, _UNKNOWN = True, False, None
_MACOS = "^(amzn-ec2-macos-|macos )"
# The names of the images of AWS, Canonical, Debian, Red Hat and others, and of the systems as an SSM Agent reports
# them. The first that fits decides.
_SYSTEMS = (
    (r"^windows_server|^microsoft windows", _LACKS),
    (r"^al20\d\d-ami-.*\b(minimal|ecs)\b", _LACKS),
    (r"^amzn2-ami-.*\b(minimal|ecs)\b|^ubuntu-minimal/|^ubuntu-eks/", _UNKNOWN),
    (r"^al20\d\d-ami-|^amzn2-ami-", _HAS),
    (r"^amazon linux (ami|2018|2017)|^amzn-ami-", _LACKS),
    (r"^amazon linux", _HAS),
    # Since 12.7.2, 13.6.3 and 14.2.1 (EC2 User Guide, "Install EC2 Instance Connect on your EC2 instances").
    (rf"{_MACOS}(1[5-9]|[2-9]\d|14\.(2\.[1-9]|[3-9])|13\.(6\.([3-9]|\d\d)|[7-9])|12\.(7\.([2-9]|\d\d)|[89]))", _HAS),
    (_MACOS, _LACKS),
    (r"^ubuntu(/|-pro-server/)images.*-(2\d|[3-9]\d)\.\d\d-|^ubuntu (2|[3-9])\d\.", _HAS),
    (r"^ubuntu(/|-pro-server/)images.*-1\d\.\d\d-|^ubuntu 1\d\.", _LACKS),
    (
        r"^(debian|rhel|red hat|centos|rocky|almalinux|alma linux|fedora|suse|sles|opensuse|bottlerocket|ol\d|oracle)",
        _LACKS,
    ),
)


def judge_key(instance: Instance, images: Read[Mapping[str, Image]], agents: Read[Mapping[str, Agent]]) -> Verdict:
    """Return whether a pushed key opens an instance that runs. agents: the second witness for its system."""
    if instance.is_windows:
        return closed(
            "The instance runs Windows, for which EC2 Instance Connect has no keys. Use a connection for Windows, such "
            "as winrm."
        )
    return all_of([_judge_metadata(instance), _judge_package(instance, images, agents)])


def _judge_metadata(instance: Instance) -> Verdict:
    if instance.has_metadata is False:
        return closed(
            "The instance metadata is turned off (HttpEndpoint is disabled), so sshd cannot read a pushed key. Turn it "
            f"on: aws ec2 modify-instance-metadata-options --instance-id {instance.id} --http-endpoint enabled."
        )
    return OPEN


def _judge_package(instance: Instance, images: Read[Mapping[str, Image]], agents: Read[Mapping[str, Agent]]) -> Verdict:
    image = None if isinstance(images, Unread) else images.get(instance.image_id or "")
    agent = None if isinstance(agents, Unread) else agents.get(instance.id)
    named = [f"its image is {printable(image.name):.120}"] if image and image.name else []
    names = [image.name] if image else []
    if agent and agent.platform:
        named.append(f"its SSM Agent reports {printable(agent.platform):.60}")
        names.append(agent.platform)
    # A copy of an image has any name, and says no more than that. Then the agent does.
    has = next((has for known, has in map(_has_package, names) if known), _UNKNOWN)
    why = " and ".join(named)
    if has is _HAS:
        return OPEN
    if has is _LACKS:
        return unknown(
            f"As far as can be told, the package ec2-instance-connect is not in the image: {why}. If it was not "
            "installed since, install it: without it a pushed key opens nothing."
        )
    if isinstance(images, Unread):
        why = images.why
    elif not why:
        why = (
            f"EC2 does not return the image {instance.image_id}, which was deregistered or disabled, or is not shared."
        )
    else:
        why = f"{why[0].upper()}{why[1:]}."
    return Verdict(None, (), [f"Whether the package ec2-instance-connect is installed cannot be told. {why}"])


def _has_package(name: str) -> tuple[bool, bool | None]:
    """Return whether a name is known, and whether its system has the package when it starts for the first time."""
    return next(
        ((True, has) for pattern, has in _SYSTEMS if re.search(pattern, name, re.IGNORECASE)), (False, _UNKNOWN)
    )
