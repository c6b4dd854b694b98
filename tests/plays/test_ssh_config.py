# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in by hand: what the playbook ssh_config writes, and all that people do with OpenSSH, over tunnels."""

from __future__ import annotations

import os
import pty
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.by_hand import User, names_in, user
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    OURS,
    PLAYBOOKS,
    calls,
    direct,
    instances,
    inventory,
    private,
    pushes,
    sessions,
    short_folder_for_sockets,
    through_session_manager,
    tunnels,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

# By the way that leads to each.
WAYS = ("endpoint-1", "session-1", "direct-1")


def fleet(lab: RunningLab) -> dict[str, dict[str, Any]]:
    """Return a host for each way, and hosts that ssh does not take as they are."""
    return {
        "endpoint-1": private(lab, 0),
        "session-1": through_session_manager(lab, 1),
        # EC2 of the lab knows no public address.
        "direct-1": {**direct(lab, 2), f"{OURS}_tunnel": "never", "ansible_host": instances(lab)[2]["host"]},
        "Web Server (4)": private(lab, 3),
        "App-5": private(lab, 4),
        "router": {},
        "secret": {**private(lab, 5), f"{OURS}_secret_key": lab.lab["access_key"]},
        "mi-0123456789abcdef0": {},
    }


@pytest.fixture
def hand(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    with user(controller, monkeypatch) as it:
        it.lab.control("PUT", "session_manager", pace=False)
        yield it


@pytest.fixture
def ready(hand: User) -> User:
    """Return a user whose ssh knows the fleet."""
    hand.write(fleet(hand.lab)).assert_succeeded()
    hand.include()
    return hand


def written(run: Run) -> Any:
    run.assert_succeeded()
    (result,) = run.all_of("Write the file for ssh")
    return result.result


# -- The file ---------------------------------------------------------------------------------------------------------


def test_the_file_is_foreseen_written_once_and_taken_away(hand: User) -> None:
    hosts = fleet(hand.lab)
    foreseen = written(hand.write(hosts, "--check", "--diff"))
    assert foreseen["changed"]
    assert not hand.file.exists()
    first = written(hand.write(hosts, "--diff"))
    assert first == {**foreseen, "diff": first["diff"]}
    assert first["diff"] == foreseen["diff"]
    assert first["diff"]["after"] == hand.file.read_text()
    assert stat.S_IMODE(hand.file.stat().st_mode) == 0o600
    second = written(hand.write(hosts, "--diff"))
    assert second == {**first, "changed": False, "diff": {**second["diff"], "before": first["diff"]["after"]}}
    # One host less: the others stay as they are.
    hosts.pop("App-5")
    assert written(hand.write(hosts))["changed"]
    assert "App-5" not in hand.file.read_text()
    gone = written(hand.write(hosts, ssh_config_state="absent"))
    assert (gone["changed"], gone["hosts"], hand.file.exists()) == (True, [], False)
    assert written(hand.write(hosts, ssh_config_state="absent"))["changed"] is False


def test_the_file_is_taken_away_without_the_inventory(hand: User) -> None:
    """It may be gone by then."""
    assert written(hand.write(fleet(hand.lab)))["changed"]
    run = hand.controller.run("sshkeys.aws.ssh_config", inventory=os.devnull, variables={"ssh_config_state": "absent"})
    assert written(run)["changed"]
    assert not hand.file.exists()


def test_what_is_left_out_is_said_and_no_secret_is_written(hand: User) -> None:
    run = hand.write(fleet(hand.lab))
    result = written(run)
    reasons = {each["host"]: each["reason"] for each in result["left_out"]}
    assert reasons.keys() == {"Web Server (4)", "router", "secret", "mi-0123456789abcdef0"}
    id_of = {name: host.get("instance_id") for name, host in fleet(hand.lab).items()}
    assert reasons["Web Server (4)"] == f"ssh takes no such name. Use its instance id: ssh {id_of['Web Server (4)']}"
    assert reasons["router"].startswith("The instance id of router is unknown.")
    assert f"Its credentials are in {OURS}_secret_key" in reasons["secret"]
    assert "Set ansible_private_key_file" in reasons["mi-0123456789abcdef0"]
    assert [each["names"] for each in result["hosts"]] == [
        ["App-5", id_of["App-5"]],
        [id_of["Web Server (4)"]],
        *([name, id_of[name]] for name in sorted(WAYS)),
    ]
    text = hand.file.read_text()
    assert hand.lab.lab["access_key"] not in text
    assert "labsecret" not in text
    told = run.of("Say what was left out, and what is left to do")["msg"]
    assert told[0] == f"ssh finds 5 hosts in {hand.file}."
    assert told[-1] == "Add this line at the top of ~/.ssh/config: Include sshkeys.aws.config"


def test_a_file_that_is_not_ours_is_kept(hand: User) -> None:
    hand.file.parent.mkdir()
    hand.file.write_text("Host mine\n")
    for state in ("present", "absent"):
        run = hand.write(fleet(hand.lab), ssh_config_state=state)
        assert run.status
        assert "was not written by sshkeys.aws.ssh_config" in run.of("Write the file for ssh")["msg"]
    assert hand.file.read_text() == "Host mine\n"


# -- ssh and those who use it -----------------------------------------------------------------------------------------


def test_ssh_reaches_each_host_by_its_name_and_its_id_over_its_way(ready: User) -> None:
    lab = ready.lab
    numbers = {"endpoint-1": 0, "session-1": 1, "direct-1": 2, "App-5": 4}
    for name, number in numbers.items():
        for each in (name, instances(lab)[number]["instance_id"]):
            connection = ready.ssh(each, "echo", "$SSH_CONNECTION")
            assert connection.split()[3] == str(instances(lab)[number]["port"])
        # The second one came less than 45 seconds later.
        assert len(pushes(lab, number)) == 1
    assert [len(tunnels(lab, number)) for number in (0, 1, 2, 4)] == [2, 0, 0, 2]
    assert [each["target"] for each in sessions(lab)] == [instances(lab)[1]["instance_id"]] * 2
    assert len(ready.brokers()) == 1
    # The instance id of a host whose name ssh does not take.
    assert ready.ssh(instances(lab)[3]["instance_id"], "echo", "there") == "there"
    # A user and a port of the command line count.
    failed = ready.shell("ssh", "-l", "nobody-else", "-o", "BatchMode=yes", "endpoint-1", "true")
    assert "Permission denied" in failed.stderr
    assert calls(lab, "SendSSHPublicKey", InstanceOSUser="nobody-else")


@pytest.mark.parametrize("host", WAYS)
def test_files_are_copied_by_everything_that_copies(ready: User, host: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    content = os.urandom(300_000)
    (here / "file").write_bytes(content)
    copies = {
        "scp": ["scp", "-q", f"{here}/file", f"{host}:{there}/scp"],
        "old scp": ["scp", "-q", "-O", f"{here}/file", f"{host}:{there}/old-scp"],
        "rsync": ["rsync", "-a", f"{here}/file", f"{host}:{there}/rsync"],
        "rsync back": ["rsync", "-a", f"{host}:{there}/rsync", f"{here}/back"],
    }
    for command in copies.values():
        ready.succeed(*command)
    batch = tmp_path / "batch"
    batch.write_text(f"put {here}/file {there}/sftp\nget {there}/sftp {here}/sftp-back\n")
    ready.succeed("sftp", "-q", "-b", str(batch), host)
    for copy in (there / "scp", there / "old-scp", there / "rsync", there / "sftp", here / "back", here / "sftp-back"):
        assert copy.read_bytes() == content, copy
    assert len(ready.brokers()) == 1


def test_git_clones_and_pushes(ready: User, tmp_path: Path) -> None:
    ready.succeed("git", "init", "-q", "--bare", f"{tmp_path}/there.git")
    ready.succeed("git", "clone", "-q", f"session-1:{tmp_path}/there.git", f"{tmp_path}/here")
    here = tmp_path / "here"
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    ready.succeed("git", *identity, "commit", "-q", "--allow-empty", "-m", "First", folder=here)
    ready.succeed("git", "push", "-q", "origin", "HEAD:main", folder=here)
    assert ready.succeed("git", "-C", f"{tmp_path}/there.git", "log", "--format=%s", "main") == "First"


def test_synchronize_goes_through_the_tunnel(ready: User, tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "file").write_text("synchronized")
    told = inventory(ready.lab, fleet={"endpoint-1": private(ready.lab, 0)})
    run = ready.controller.run(
        PLAYBOOKS / "synchronize.yml", inventory=told, variables={"from": f"{tmp_path}/from/", "to": f"{tmp_path}/to/"}
    )
    run.assert_succeeded()
    assert (tmp_path / "to" / "file").read_text() == "synchronized"
    assert tunnels(ready.lab, 0)


def test_a_play_over_the_connection_is_as_it_was(ready: User) -> None:
    """It makes its own way, although the configuration of ssh has one for its hosts now."""
    with short_folder_for_sockets() as environment:
        hosts = {name: fleet(ready.lab)[name] for name in WAYS}
        run = ready.controller.run(
            PLAYBOOKS / "hello.yml", inventory=inventory(ready.lab, fleet=hosts), environment=environment
        )
        run.assert_succeeded()
    assert ready.brokers() == []


# -- The broker -------------------------------------------------------------------------------------------------------


def test_what_is_left_when_it_was_idle_is_nothing(hand: User) -> None:
    hand.write(fleet(hand.lab), ssh_config_idle_timeout=1).assert_succeeded()
    hand.include()
    command = ["ssh", "endpoint-1", "echo there; cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as long:
        assert long.stdout
        assert long.stdout.readline() == b"there\n"
        assert "id_ed25519" in names_in(hand.folder)
        (broker,) = hand.brokers()
        # It is not idle as long as its tunnel is open.
        with pytest.raises(subprocess.TimeoutExpired):
            long.wait(3)
        assert hand.brokers() == [broker]
        long.communicate()
    wait_until(lambda: not hand.folder.exists(), "the folder with the key is left")
    wait_until(lambda: not hand.brokers(), "a broker is left")
    # The next one begins anew.
    assert hand.ssh("endpoint-1", "echo", "again") == "again"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_key_goes_with_a_broker_that_is_killed(ready: User, number: signal.Signals) -> None:
    ready.ssh("direct-1", "true")
    key = (ready.folder / "id_ed25519").read_bytes()
    for broker in ready.brokers():
        os.kill(broker, number)
    wait_until(lambda: not ready.folder.exists(), "the folder with the key is left")
    ready.ssh("direct-1", "true")
    assert (ready.folder / "id_ed25519").read_bytes() != key


def test_each_shell_gets_the_profile_that_it_asks_for(ready: User, tmp_path: Path) -> None:
    lab, config, keys = ready.lab, tmp_path / "config", tmp_path / "keys"
    config.write_text(
        "".join(
            f"[profile {name}]\nrole_arn = arn:aws:iam::123456789012:role/{name}\nsource_profile = base\n"
            for name in ("one", "two")
        )
    )
    keys.write_text(
        f"[base]\naws_access_key_id = {os.environ['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {os.environ['AWS_SECRET_ACCESS_KEY']}\n"
    )
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(keys)}
    shells = {name: {"AWS_PROFILE": name, **files} for name in ("one", "two")}
    # The SDK prefers keys in the environment to the profile there.
    nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    for _time in range(2):
        for name, shell in shells.items():
            assert ready.ssh("endpoint-1", "echo", name, environment={**shell, **nothing}) == name
    assert ready.ssh("endpoint-1", "echo", "none") == "none"
    assert sorted(each["RoleArn"].rpartition("/")[2] for each in calls(lab, "AssumeRole")) == ["one", "two"]
    pushed_by = [request["access_key"] for request in lab.requests() if request["operation"] == "SendSSHPublicKey"]
    assert len(pushed_by) == len(set(pushed_by)) == 3
    assert len(ready.brokers()) == 3
    # They share the key, which stays as long as one of them.
    os.kill(ready.brokers()[0], signal.SIGKILL)
    wait_until(lambda: len(ready.brokers()) == 2, "it was not killed")
    assert (ready.folder / "id_ed25519").exists()


# -- What goes wrong --------------------------------------------------------------------------------------------------


def test_an_instance_that_is_gone_is_said_and_what_to_do(ready: User) -> None:
    lab = ready.lab
    for number, state in ((0, "terminated"), (1, "stopped")):
        lab.control("PUT", f"instances/{instances(lab)[number]['instance_id']}", state=state)
    for name in ("endpoint-1", "session-1"):
        failed = ready.shell("ssh", name, "true")
        assert failed.returncode == 255
        assert "The key could not be pushed" in failed.stderr
        assert f"If the instance was replaced, {ready.file} still names the old one" in failed.stderr


def test_a_profile_that_wants_a_code_is_said_and_how_to_have_one(ready: User, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile careful]\nrole_arn = arn:aws:iam::123456789012:role/careful\nsource_profile = base\n"
        "mfa_serial = arn:aws:iam::123456789012:mfa/alice\n"
        "[profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n"
    )
    nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    shell = {"AWS_PROFILE": "careful", "AWS_CONFIG_FILE": str(config), **nothing}
    failed = ready.shell("ssh", "endpoint-1", "true", environment=shell)
    assert failed.returncode == 255
    assert "The profile careful needs an MFA code" in failed.stderr
    assert 'eval "$(aws configure export-credentials --profile careful --format env)"' in failed.stderr


def test_a_failure_is_said_on_the_terminal_if_ssh_discards_it(ready: User) -> None:
    """With ControlPersist, ssh closes the standard error of its ProxyCommand."""
    lab = ready.lab
    lab.control("PUT", f"instances/{instances(lab)[0]['instance_id']}", state="terminated")
    options = ("ControlMaster=auto", f"ControlPath={os.environ['HOME']}/m", "ControlPersist=10")
    process, terminal = pty.fork()
    if not process:
        os.execvp("ssh", ["ssh", *(word for option in options for word in ("-o", option)), "endpoint-1", "true"])  # noqa: S606 - the ssh of the lab
    said = b""
    try:
        while more := os.read(terminal, 65_536):
            said += more
    except OSError:
        # Linux says so at the end of a terminal.
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 255
    assert b"The key could not be pushed" in said


def test_a_folder_that_is_not_the_users_own_is_refused(ready: User) -> None:
    ready.folder.mkdir(mode=0o755)
    failed = ready.shell("ssh", "endpoint-1", "true")
    assert failed.returncode == 255
    assert f"{ready.folder}, is not a folder that you own and that nobody else can enter" in failed.stderr
    ready.folder.rmdir()
