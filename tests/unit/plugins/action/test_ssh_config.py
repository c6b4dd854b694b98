# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action that writes the file for ssh, as a task runs it."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.loader import connection_loader
from ansible_collections.sshkeys.aws.plugins.action import ssh_config
from ansible_collections.sshkeys.aws.plugins.connection import ec2_instance_connect
from ansible_collections.sshkeys.aws.plugins.modules import ssh_config as documented_module
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.tasks import action_of

COLLECTIONS = Path(str(ssh_config.__file__)).parents[5]
ID, OTHER_ID = "i-0123456789abcdef0", "i-0fedcba9876543210"
OURS = "ansible_ec2_instance_connect"
HOSTS: dict[str, dict[str, Any]] = {"web-1": {"instance_id": ID}, "web-2": {"instance_id": OTHER_ID}}


@pytest.fixture(scope="module", autouse=True)
def definitions() -> None:
    """Let ansible-core know the options of the connection, as it does in a play."""
    connection_loader.get("ssh", class_only=True)
    ec2_instance_connect._define_options()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user a home folder, and no settings of AWS and of XDG."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "EC2_", "XDG_", "ANSIBLE_EC2"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    # It knows the collections once ansible-core has installed its importer, which the unit tests do without.
    loader = SimpleNamespace(get=lambda _name, class_only: ec2_instance_connect.Connection if class_only else None)
    monkeypatch.setattr(ssh_config, "connection_loader", loader)
    monkeypatch.setattr(ssh_config, "AnsibleCollectionConfig", SimpleNamespace(collection_paths=[str(COLLECTIONS)]))
    return folder


def run(
    inventory: dict[str, dict[str, Any]] = HOSTS, *, check: bool = False, diff: bool = False, **options: Any
) -> Any:
    """Run a task for the hosts of an inventory."""
    arguments = {"hosts": list(inventory), **options}
    plugin = ssh_config.ActionModule
    action = action_of(plugin, "ssh_config", arguments, check_mode=check, diff=diff)
    # As ansible-core's loader does; 2.18 names it in a refusal.
    action._load_name = "sshkeys.aws.ssh_config"
    return action.run(None, {"hostvars": inventory})


def file_of(home: Path) -> Path:
    return home / ".ssh" / "sshkeys.aws.config"


def reasons(result: Any) -> dict[str, str]:
    return {each["host"]: each["reason"] for each in result["left_out"]}


def asked(file: Path, name: str) -> dict[str, str]:
    """Return what ssh takes from a file for a host."""
    command = ["ssh", "-F", str(file), "-G", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(line.partition(" ")[::2] for line in reversed(done.stdout.splitlines()))


# -- The file ---------------------------------------------------------------------------------------------------------


def test_the_file_is_foreseen_written_once_and_deleted(home: Path) -> None:
    foreseen = run(check=True, diff=True)
    assert (foreseen["changed"], file_of(home).exists(), (home / ".ssh").exists()) == (True, False, False)
    written = run(diff=True)
    assert written == foreseen
    assert file_of(home).read_text() == written["diff"]["after"]
    assert written["diff"]["before_header"] == f"{file_of(home)} (absent)"
    again = run(diff=True)
    assert (again["changed"], again["diff"]["before"]) == (False, written["diff"]["after"])
    foreseen = run(state="absent", check=True)
    assert (foreseen["changed"], file_of(home).exists()) == (True, True)
    assert run(state="absent") == foreseen
    assert not file_of(home).exists()
    assert run(state="absent")["changed"] is False


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_file_and_its_folders_are_private(home: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        run(path=str(home / ".ssh" / "conf.d" / "web"))
    finally:
        os.umask(before)
    found = [home / ".ssh", home / ".ssh" / "conf.d", home / ".ssh" / "conf.d" / "web"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in found] == [0o700, 0o700, 0o600]


def test_a_link_stays_a_link_until_it_is_taken_away(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles"
    file_of(home).parent.mkdir()
    file_of(home).symlink_to(target)
    assert run()["changed"]
    assert (file_of(home).is_symlink(), target.is_file()) == (True, True)
    assert run()["changed"] is False
    # Taken away, the link is gone, and no other link leads nowhere.
    assert run(state="absent")["changed"]
    assert (file_of(home).is_symlink(), target.is_file()) == (False, True)
    assert run(state="absent")["changed"] is False


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_file_of_somebody_else_stays(home: Path, state: str) -> None:
    file_of(home).parent.mkdir()
    file_of(home).write_text("Host mine\n")
    with pytest.raises(AnsibleActionFail, match=r"was not written by sshkeys\.aws\.ssh_config, so it stays as it is"):
        run(state=state)
    assert file_of(home).read_text() == "Host mine\n"


def test_a_file_that_cannot_be_written_leaves_nothing_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run({})
    before = file_of(home).read_text()

    def fail(_from: str, _to: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(AnsibleActionFail, match=rf"^{file_of(home)} cannot be written: No space left on device\.$"):
        run()
    assert list(file_of(home).parent.iterdir()) == [file_of(home)]
    assert file_of(home).read_text() == before


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_path_that_is_none_is_a_sentence(tmp_path: Path, state: str) -> None:
    with pytest.raises(AnsibleActionFail, match=r"home cannot be read: .*Is a directory"):
        run(path=str(tmp_path / "home"), state=state)
    (tmp_path / "file").touch()
    with pytest.raises(AnsibleActionFail, match=r"file/x cannot be read: .*Not a directory"):
        run(path=str(tmp_path / "file" / "x"), state=state)


def test_a_path_that_no_include_holds_is_refused_before_it_is_written(home: Path) -> None:
    with pytest.raises(AnsibleActionFail, match=r"^The path .*/100% contains .*Choose another path\.$"):
        run(path=str(home / "100%"))
    assert not (home / "100%").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"idle_timeout": 0}, "idle_timeout is 0"),
        ({"idle_timeout": "soon"}, "idle_timeout"),
        ({"state": "gone"}, "state"),
        ({"file": "x"}, "file"),
    ],
)
def test_wrong_options_are_sentences(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AnsibleActionFail, match=sentence):
        run(**options)


def test_hosts_are_needed_unless_the_file_is_to_be_absent() -> None:
    with pytest.raises(AnsibleActionFail, match="state is present but all of the following are missing: hosts"):
        action_of(ssh_config.ActionModule, "ssh_config", {}).run(None, {"hostvars": {}})
    result = action_of(ssh_config.ActionModule, "ssh_config", {"state": "absent"}).run(None, {"hostvars": {}})
    assert result["changed"] is False


@pytest.mark.parametrize("option", ["path", "hosts"])
def test_a_private_key_in_an_option_is_refused(option: str) -> None:
    private = key_pair("ed25519").private
    told: dict[str, Any] = {option: [private] if option == "hosts" else private}
    refused = run(**told)
    assert refused["failed"] is True
    assert not runs(str(refused), 8) & runs("".join(private.splitlines()[1:-1]), 8)


def test_documented_options_are_the_arguments() -> None:
    options = yaml.safe_load(documented_module.DOCUMENTATION)["options"]
    documented = {name: {**about} for name, about in options.items()}
    for about in documented.values():
        del about["description"]
    assert documented == ssh_config.ARGUMENTS


def test_documented_results_are_the_results() -> None:
    assert yaml.safe_load(documented_module.RETURN).keys() == run().keys() - {"changed"}


# -- Its hosts --------------------------------------------------------------------------------------------------------


def test_ssh_takes_user_and_port_from_the_variables_of_the_host(home: Path) -> None:
    # A port of an INI inventory on the command line is a text.
    run({"web-1": {"instance_id": ID, "ansible_user": "admin", "ansible_port": "2222"}})
    for name in ("web-1", ID):
        found = asked(file_of(home), name)
        assert (found["user"], found["port"], found["hostkeyalias"]) == ("admin", "2222", ID)


def test_a_host_has_the_options_of_the_connection(home: Path) -> None:
    run({"web-1": {"instance_id": ID, f"{OURS}_tunnel": "session_manager", "placement": {"region": "us-east-1"}}})
    text = file_of(home).read_text()
    assert "'tunnel=session_manager'" in text
    assert "'region=us-east-1'" in text


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "The instance id of web-1 is unknown."),
        ({"instance_id": "web"}, "The instance id of web-1, 'web', is not valid"),
        ({"instance_id": ID, "ansible_port": "ssh"}, "port"),
        # As ansible-core 2.18 hands it over.
        (
            {"instance_id": ID, "ansible_user": "{{ nobody }}"},
            "remote_user is '{{ nobody }}': a variable in it is undef",
        ),
        ({"instance_id": ID, "ansible_port": 70000}, "ansible_port is 70000, which is no port"),
        ({"instance_id": ID, "ansible_user": "a\nHost *"}, "ansible_user is 'a\\nHost *'"),
        ({"instance_id": ID, "ansible_user": "o'neil"}, "ansible_user is "),
        ({"instance_id": ID, f"{OURS}_profile": "a\nHost *"}, f"{OURS}_profile is "),
        ({"instance_id": ID, f"{OURS}_tunnel": "magic"}, "tunnel"),
        ({"instance_id": ID, f"{OURS}_secret_key": "hush"}, "Its credentials are in"),
        ({"instance_id": "mi-0123456789abcdef0"}, "mi-0123456789abcdef0 is a managed node"),
    ],
)
def test_a_host_that_is_left_out_has_a_reason_and_the_others_are_there(
    home: Path, variables: dict[str, Any], reason: str
) -> None:
    result = run({"web-1": variables, "web-2": HOSTS["web-2"]})
    assert reason in reasons(result)["web-1"]
    assert [host["names"] for host in result["hosts"]] == [["web-2", OTHER_ID]]
    assert "hush" not in file_of(home).read_text() + str(result)
    assert asked(file_of(home), "web-2")["hostkeyalias"] == OTHER_ID


def test_the_controller_in_an_inventory_is_said_in_a_word() -> None:
    result = run({"localhost": {"ansible_connection": "local"}, **HOSTS})
    assert reasons(result) == {"localhost": "It is this machine."}


def test_a_host_that_is_not_in_the_inventory_is_said() -> None:
    action = action_of(ssh_config.ActionModule, "ssh_config", {"hosts": ["web-1", "gone"]})
    result = action.run(None, {"hostvars": HOSTS})
    assert reasons(result) == {"gone": "The inventory has no such host."}


def test_a_name_that_ssh_does_not_take_leaves_the_instance_id(home: Path) -> None:
    result = run({"Web 1": HOSTS["web-1"], "Host *\n": HOSTS["web-2"]})
    assert reasons(result)["Web 1"] == f"ssh takes no such name. Use its instance id: ssh {ID}"
    assert sorted(host["names"] for host in result["hosts"]) == [[ID], [OTHER_ID]]
    assert "hostkeyalias" not in asked(file_of(home), "another")


def test_hosts_of_one_instance_share_its_id(home: Path) -> None:
    result = run({"b": {**HOSTS["web-1"], "ansible_user": "b"}, "a": {**HOSTS["web-1"], "ansible_user": "a"}})
    assert [host["names"] for host in result["hosts"]] == [["a", ID], ["b"]]
    assert [asked(file_of(home), name)["user"] for name in ("a", "b", ID)] == ["a", "b", "a"]


@pytest.mark.parametrize("other", ["a", "z"])
def test_a_name_means_its_host_although_it_is_the_id_of_another_one(home: Path, other: str) -> None:
    """In a play it does, too."""
    result = run({ID: HOSTS["web-2"], other: HOSTS["web-1"]})
    assert {name: asked(file_of(home), name)["hostkeyalias"] for name in (ID, OTHER_ID, other)} == {
        ID: OTHER_ID,
        OTHER_ID: OTHER_ID,
        other: ID,
    }
    assert result["left_out"] == []


# -- The line that includes it ----------------------------------------------------------------------------------------


def test_the_line_is_said_until_it_is_there(home: Path) -> None:
    result = run()
    assert (result["include"], result["is_included"]) == ("Include sshkeys.aws.config", False)
    assert result["says"][-1] == "Add this line at the top of ~/.ssh/config: Include sshkeys.aws.config"
    # Comments are in any encoding.
    (home / ".ssh" / "config").write_bytes(b"# gr\xf6\xdfer\nInclude sshkeys.aws.config\n")
    result = run()
    assert (result["changed"], result["is_included"]) == (False, True)
    assert result["says"][-1] == "~/.ssh/config includes it. Try: ssh web-1"
    assert run(state="absent")["says"][-1] == "Delete this line from ~/.ssh/config: Include sshkeys.aws.config"
