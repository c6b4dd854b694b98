# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a program of OpenSSH gets from the connection."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _ssh_config
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import openssh, user_proxy_command
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.user_host import UserHost
from ansible_collections.sshkeys.aws.plugins.plugin_utils._ssh_config import HostBlock, Program

HOST = UserHost("i-0123456789abcdef0", "/run/sshkeys.aws", "/home/a/.ssh/sshkeys.aws.config", "/known_hosts")
PROGRAM = Program("/usr/bin/python3", str(user_proxy_command.__file__), ["/c"])


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "EC2_SECRET_KEY"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SSH_AUTH_SOCK", "somewhere")


def test_no_credentials() -> None:
    said = openssh.run(["env"]).stdout
    assert "SSH_AUTH_SOCK=somewhere" in said
    assert "secret" not in said


def test_credentials_for_what_asks_other_programs() -> None:
    assert "AWS_SECRET_ACCESS_KEY=secret" in openssh.run(["env"], keeps_credentials=True).stdout


def test_nobody_is_asked() -> None:
    assert openssh.run(["cat"]).stdout == ""


def test_the_version_of_ssh() -> None:
    found = openssh.version("ssh")
    assert found
    assert found > (7, 5)
    assert openssh.version("true") is None
    assert openssh.version("/nonexistent") is None


def test_a_failure_is_an_answer() -> None:
    assert openssh.run(["false"]).returncode == 1


# AWS Systems Manager User Guide, "Allow and control permissions for SSH connections through Session Manager".
OF_SESSION_MANAGER = """
Host i-* mi-*
    ProxyCommand sh -c "aws ssm start-session --target %h --document-name AWS-StartSSHSession"
"""


def test_the_configuration_of_session_manager_can_be_set_aside(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(OF_SESSION_MANAGER)
    asked = ["-F", str(config), "-G", "i-0123456789abcdef0"]
    with pytest.raises(ArgumentError, match=r"add to ansible_ssh_common_args: -o ProxyCommand=none\."):
        openssh.configuration(["ssh", *asked])
    assert openssh.configuration(["ssh", "-o", "ProxyCommand=none", *asked])["hostname"] == "i-0123456789abcdef0"


@pytest.mark.parametrize("user", ["ec2-user", "ec2-user  b", "ec2-user b"])
def test_a_user_is_no_other_one(user: str) -> None:
    assert openssh.configuration(["ssh", "-F", "none", "-l", user, "-G", "web1"])["user"] == user


@pytest.mark.parametrize("way", ["ProxyJump bastion", "ProxyCommand nc %h %p"])
def test_another_way_in_the_configuration_of_ssh_is_refused(tmp_path: Path, way: str) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host web1\n  {way}\nHost *\n  ProxyJump none\n")
    name, where = way.split(maxsplit=1)
    with pytest.raises(ArgumentError, match=rf"has {name.lower()} {where} for this host"):
        openssh.configuration(["ssh", "-F", str(config), "-G", "web1"])
    assert openssh.configuration(["ssh", "-F", str(config), "-G", "web2"])["hostname"] == "web2"


def test_a_configuration_that_ssh_cannot_read(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("NoSuchOption yes\n")
    with pytest.raises(ArgumentError, match=r"ssh -G, .* failed: .*nosuchoption"):
        openssh.configuration(["ssh", "-F", str(config), "-G", "web1"])


def test_ssh_says_what_counts(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host web1\n  HostName 192.0.2.7\n  Port 2222\n  User admin\nHost *\n  User nobody\n")
    found = openssh.configuration(["ssh", "-F", str(config), "-G", "web1"])
    assert (found["hostname"], found["port"], found["user"]) == ("192.0.2.7", "2222", "admin")


def test_the_way_of_the_file_for_ssh_by_hand_is_no_other_way(tmp_path: Path) -> None:
    """The connection makes its own, to the same host."""
    config = tmp_path / "config"
    config.write_text(_ssh_config.render([HostBlock(["web1"], HOST, "admin", None)], PROGRAM))
    found = openssh.configuration(["ssh", "-F", str(config), "-G", "web1"])
    assert found["user"] == "admin"
    assert str(user_proxy_command.__file__) in found["proxycommand"]
    config.write_text("ProxyJump bastion\n" + config.read_text())
    with pytest.raises(ArgumentError, match="has proxyjump bastion for this host"):
        openssh.configuration(["ssh", "-F", str(config), "-G", "web1"])
