# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of the broker of a user, and what the user is told: with real programs."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_collections.sshkeys.aws.plugins.connection import ec2_instance_connect
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import user_broker, user_folder
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import error
from ansible_collections.sshkeys.aws.tests.unit.user_ssh import INSTANCE_ID, UserSsh, user_ssh
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

GREETED = (0, "", b"SSH-2.0-sshd\r\n")


@pytest.fixture
def user(tmp_path: Path) -> Iterator[UserSsh]:
    with user_ssh(tmp_path) as it:
        yield it


def pushed(user: UserSsh) -> list[str]:
    """Return the keys that were pushed."""
    return [body["SSHPublicKey"] for operation, body, _time in user.service.requests if operation == "SendSSHPublicKey"]


def test_ssh_gets_its_connection_and_the_key_is_the_users(user: UserSsh) -> None:
    assert user.ask() == GREETED
    (key,) = pushed(user)
    assert key.split() == (user.folder / "id_ed25519.pub").read_text().split()[:2]
    assert stat.S_IMODE((user.folder / "id_ed25519").stat().st_mode) == 0o600
    assert stat.S_IMODE(user.folder.stat().st_mode) == 0o700
    # A moment later no key is pushed again, and no broker is started.
    assert user.ask() == GREETED
    assert len(pushed(user)) == len(user.brokers()) == len(user.guards()) == 1


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_nothing_of_the_folder_is_for_others(user: UserSsh, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert user.ask() == GREETED
    finally:
        os.umask(before)
    assert stat.S_IMODE(user.folder.stat().st_mode) == 0o700
    private = {file.name: stat.S_IMODE(file.stat().st_mode) for file in user.folder.iterdir()}
    assert private["id_ed25519"] == 0o600
    assert all(mode & 0o077 == 0 for name, mode in private.items() if name.endswith(".json"))


def test_thirty_that_start_at_once_share_a_broker_and_a_key(user: UserSsh) -> None:
    started = [user.start() for _number in range(30)]
    assert {user.finish(*each) for each in started} == {GREETED}
    assert len(set(pushed(user))) == len(user.brokers()) == len(user.guards()) == 1


def test_shells_with_other_credentials_have_a_broker_each_and_share_the_key(user: UserSsh) -> None:
    other = {"AWS_ACCESS_KEY_ID": "AKIAI44QH8DHBEXAMPLE"}
    assert user.ask() == GREETED
    assert user.ask(environment=other) == GREETED
    assert len(user.brokers()) == 2
    assert len(set(pushed(user))) == len(user.guards()) == 1
    os.kill(user.brokers()[0], signal.SIGKILL)
    wait_until(lambda: len(user.brokers()) == 1, "it was not killed")
    assert user.ask() == user.ask(environment=other) == GREETED
    assert len(set(pushed(user))) == 1


def test_shells_in_other_folders_and_terminals_share_a_broker(user: UserSsh, tmp_path: Path) -> None:
    here = Path.cwd()
    try:
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            os.chdir(folder)
            assert user.ask(environment={"SSH_TTY": f"/dev/pts/{number}"}) == GREETED
    finally:
        os.chdir(here)
    assert len(user.brokers()) == 1


@pytest.mark.parametrize(
    ("variables", "is_in_the_home_folder"),
    [
        ({}, True),
        ({"AWS_CONFIG_FILE": "/etc/config"}, True),
        ({"AWS_CONFIG_FILE": "~/config"}, True),
        ({"AWS_CONFIG_FILE": "config"}, False),
        ({"AWS_CA_BUNDLE": "certificates.pem"}, False),
        ({"HOME": "/nonexistent"}, False),
    ],
)
def test_a_broker_is_in_the_home_folder_unless_a_path_is_relative(
    variables: dict[str, str], is_in_the_home_folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in user_broker._FILES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, value in {"HOME": str(tmp_path / "home"), **variables}.items():
        monkeypatch.setenv(name, value)
    assert user_broker._working_folder() == str(tmp_path / "home" if is_in_the_home_folder else tmp_path)


@pytest.mark.parametrize(
    ("variables", "region", "source"),
    [
        ({}, "", None),
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1", "AWS_REGION in the environment"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1", "AWS_REGION in the environment"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2", "AWS_DEFAULT_REGION in the environment"),
        ({"EC2_REGION": "eu-west-3", "AWS_URL": "https://a"}, "eu-west-3", "EC2_REGION in the environment"),
    ],
)
def test_a_region_that_the_file_leaves_out_is_that_of_the_shell(
    user: UserSsh, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], region: str, source: str | None
) -> None:
    for name in (name for names in user_broker._VARIABLES.values() for name in names):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    host = user.host._replace(region="", endpoint_url="")
    settings = user_broker._with_environment(host.settings("alice", "22", []))
    assert (settings["aws"].get("region", ""), settings["region_source"]) == (region, source)
    assert settings["aws"].get("endpoint_url") == variables.get("AWS_URL")
    # What the file says counts.
    of_file = user_broker._with_environment(user.host.settings("alice", "22", []))
    assert of_file == user.host.settings("alice", "22", [])


def test_the_variables_of_the_shell_are_those_of_the_connection() -> None:
    options = yaml.safe_load(ec2_instance_connect.DOCUMENTATION)["options"]
    assert {
        option: tuple(each["name"] for each in options[option]["env"]) for option in user_broker._VARIABLES
    } == user_broker._VARIABLES


def test_the_region_of_the_shell_is_enough(user: UserSsh) -> None:
    assert user.ask(user.host._replace(region=""), {"AWS_REGION": "us-east-1"}) == GREETED


# -- Its end ----------------------------------------------------------------------------------------------------------


def test_an_idle_broker_ends_and_takes_the_key_with_it(user: UserSsh) -> None:
    assert user.ask(user.host._replace(idle_timeout="1")) == GREETED
    wait_until(lambda: not user.folder.exists(), "the folder is left")
    wait_until(lambda: not user.brokers() + user.guards(), "a process is left")


def test_an_idle_end_races_with_new_ones_and_all_are_served(user: UserSsh) -> None:
    host = user.host._replace(idle_timeout="1")
    for number in range(6):
        started = [user.start(host) for _number in range(1 + number % 3)]
        assert {user.finish(*each) for each in started} == {GREETED}
        # About the time of the idle end, before or after it.
        broker = user.brokers()
        if number % 2:
            wait_until(lambda: user.brokers() != broker or not user.folder.exists(), "it never ends")  # noqa: B023
    wait_until(lambda: not user.folder.exists(), "the folder is left")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_key_goes_with_the_last_broker_that_is_killed(user: UserSsh, number: signal.Signals) -> None:
    for key in ("AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"):
        assert user.ask(environment={"AWS_ACCESS_KEY_ID": key}) == GREETED
    first, second = user.brokers()
    os.kill(first, number)
    wait_until(lambda: user.brokers() == [second], "it was not killed")
    assert (user.folder / "id_ed25519").exists()
    os.kill(second, number)
    wait_until(lambda: not user.folder.exists(), "the folder is left")
    assert user.ask() == GREETED
    assert len(set(pushed(user))) == 2


def test_what_is_left_by_all_that_were_killed_is_no_key_any_more(user: UserSsh) -> None:
    """As when the machine loses its power, and keeps what is in /tmp."""
    assert user.ask() == GREETED
    (guard,) = user.guards()
    os.kill(guard, signal.SIGKILL)
    (broker,) = user.brokers()
    os.kill(broker, signal.SIGKILL)
    wait_until(lambda: not user.brokers() + user.guards(), "it was not killed")
    assert (user.folder / "id_ed25519").exists()
    assert user.ask() == GREETED
    assert len(set(pushed(user))) == 2
    assert len(user.guards()) == 1
    os.kill(user.brokers()[0], signal.SIGKILL)
    wait_until(lambda: not user.folder.exists(), "the folder is left")


def test_the_end_of_the_login_session_ends_the_broker(user: UserSsh) -> None:
    """The system deletes what is in XDG_RUNTIME_DIR."""
    assert user.ask() == GREETED
    for file in user.folder.iterdir():
        file.unlink()
    user.folder.rmdir()
    wait_until(lambda: not user.brokers(), "a broker is left")


# -- What goes wrong --------------------------------------------------------------------------------------------------


def test_an_instance_that_was_replaced_is_said_and_what_to_do(user: UserSsh) -> None:
    user.service.script = [error("EC2InstanceNotFoundException")]
    status, said, _greeting = user.ask()
    assert status == 1
    assert said.startswith(f"{INSTANCE_ID}: The key could not be pushed, so ssh did not connect. EC2InstanceNotFound")
    assert said.endswith(
        f" If the instance was replaced, {user.host.written_to} still names the old one: run ansible-playbook "
        "sshkeys.aws.ssh_config with its inventory again.\n"
    )


def test_another_failure_says_nothing_of_the_file(user: UserSsh) -> None:
    user.service.script = [error("AccessDeniedException")]
    status, said, _greeting = user.ask()
    assert status == 1
    assert "If the instance was replaced" not in said
    assert said.count("\n") == 1


def test_a_folder_of_somebody_else_is_a_sentence(user: UserSsh) -> None:
    user.folder.mkdir(mode=0o755)
    status, said, _greeting = user.ask()
    assert status == 1
    assert said == (
        f"{INSTANCE_ID}: The folder for the key of your ssh, {user.folder}, is not a folder that you own and that "
        "nobody else can enter. Look at who has made it, and delete it.\n"
    )


def test_a_folder_that_is_gone_is_a_sentence(user: UserSsh, tmp_path: Path) -> None:
    status, said, _greeting = user.ask(user.host._replace(folder=str(tmp_path / "gone" / "sshkeys.aws")))
    assert status == 1
    assert "cannot be made: No such file or directory. Run ansible-playbook sshkeys.aws.ssh_config where" in said


def test_a_key_that_nobody_would_delete_is_not_made(user: UserSsh) -> None:
    with user_folder.held(str(user.folder)):
        # It is in the way of the guard.
        (user.folder / "guard").mkdir()
        status, said, _greeting = user.ask()
        assert status == 1
        assert f"The folder for the key of your ssh, {user.folder}, cannot be used: " in said
        assert said.endswith("Look at it, and at XDG_RUNTIME_DIR.\n")
        assert not (user.folder / "id_ed25519").exists()
        (user.folder / "guard").rmdir()


def test_a_key_of_the_agent_is_written_where_ssh_reads_it(user: UserSsh) -> None:
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop"
    host = user.host._replace(public_key=line)
    assert user.ask(host) == GREETED
    assert Path(host.identity_file).read_text() == f"{line}\n"
    assert pushed(user) == [line.rpartition(" ")[0]]
    assert not (user.folder / "id_ed25519").exists()
