# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a connection refuses before ssh is started, each as a sentence. Pure."""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_options import Told

# Of a value of the user's in a sentence, in characters.
_SHOWN = 60


def proxy(option: str, told: Told) -> str:
    """Return why an option of Ansible may not tell ssh another way; an empty string where it may.

    option: such as ``ssh_common_args``. told: what it tells about ProxyCommand or ProxyJump.
    """
    text = f"{told.text:.{_SHOWN}}"
    if told.value.lower() != "none":
        return (
            f"{option} holds {text}, and ansible_connection: sshkeys.aws.ec2_instance_connect makes its own way to the "
            f"instance. Take it out of {option}, or keep it and use ansible_connection: ssh with the role "
            "sshkeys.aws.ssh_access, which pushes the key and leaves the way to ssh."
        )
    if text.startswith("-J"):
        return (
            f"{option} holds {text}, which ssh does not take beside a ProxyCommand, and ansible_connection: "
            "sshkeys.aws.ec2_instance_connect brings one. Write -o ProxyJump=none."
        )
    return ""


def name(variable: str, value: str) -> str:
    """Return why a value can be no name of a host or a user. variable: where the user has set it."""
    return f"{variable} is {shown(value)}, which is no name. Look for a stray character in it."


def instance(host: str, given: str, *, is_localhost: bool) -> str:
    """Return why it is not known which instance a host is.

    host: its name in the inventory. given: what was given as its instance id, if anything.
    is_localhost: whether the name means the controller itself.
    """
    if given:
        return (
            f"The instance id of {host}, {shown(given)}, is not one: it must be 'i-' and hexadecimal digits, such as "
            "i-0123456789abcdef0."
        )
    if is_localhost:
        return (
            f"This task runs on {host}, which is no EC2 instance. The variable ansible_connection counts for {host} "
            "too, also where a task is delegated to it. Set the connection of the play with the keyword instead: "
            "connection: sshkeys.aws.ec2_instance_connect. If the inventory has localhost, give it ansible_connection: "
            "local there."
        )
    return (
        f"It is not known which instance {host} is. Set the variable instance_id, as the amazon.aws.aws_ec2 inventory "
        "does, or name the host by its instance id. If that inventory has hostvars_prefix or hostvars_suffix, let its "
        "compose set instance_id, placement, private_ip_address, public_ip_address, vpc_id and subnet_id, such as "
        "instance_id: aws_instance_id for hostvars_prefix: aws_."
    )


def escapes(of: str, version: tuple[int, int]) -> str:
    """Return why no option can hold a path. of: what holds it. version: of OpenSSH."""
    return (
        f"{of} has a quotation mark or a backslash that no option of OpenSSH {version[0]}.{version[1]} can hold. Use a "
        "path without it, or OpenSSH 8.7 or later."
    )


def control_path(folder: str) -> str:
    """Return why ssh cannot keep its sockets. folder: where they would be."""
    return (
        f"The folder for the sockets of ssh, {folder}, cannot be written to. Set control_path_dir in the section "
        "[ssh_connection] of ansible.cfg, or ANSIBLE_SSH_CONTROL_PATH_DIR, to a folder that can."
    )
