# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key in any option is refused before anything is done with it, and no public key or user name is masked."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._refusal import CORE_MASKS
from ansible_collections.sshkeys.aws.tests.playbooks import HERE_AND_ELSEWHERE, Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.fake_sudo import fake_sudo
from ansible_collections.sshkeys.aws.tests.plays.private_keys import cases
from ansible_collections.sshkeys.aws.tests.unit import keys
from ansible_collections.sshkeys.aws.tests.unit.private_keys import PRIVATE_KEYS

PLAYS = Path(__file__).parent / "private_keys"
# How much of a key must not be found anywhere: 12 bytes of it.
LENGTH = 16
# The log of the system is one for all, so each Python of the run writes to a file instead.
SYSLOG = """\
import os
import syslog

def write(*message):
    with open(os.environ["SYSLOG"], "a", encoding="utf-8") as file:
        file.write(f"{message[-1]}\\n")

syslog.syslog = write
"""


class Done:
    """The run at its loudest: what was refused, and then what is good."""

    def __init__(self, controller: Controller) -> None:
        """Run it."""
        self.home = controller.folder / "home"
        self.user_name = str(controller.lab.lab["transfer"]["users"][0]["user_name"])
        self.public_key = controller.make_key("dave", "rsa", "-b", "2048")
        self.private_keys = dict(cases.variables()["private_keys"])
        self.private_keys["dave"] = (controller.folder / "keys/dave").read_text(encoding="utf-8")
        controller.write("keys.json", cases.variables())
        controller.write("python/sitecustomize.py", SYSLOG)
        self.run: Run = controller.run(
            controller.write("refused.json", cases.plays()),
            str(PLAYS / "public.yml"),
            "-vvvvv",
            "--diff",
            inventory=HERE_AND_ELSEWHERE,
            variables={
                # Since 2.21 ansible-core shows how a module was called only when it is told to.
                "ansible_inject_invocation": True,
                "ansible_become_exe": fake_sudo(controller),
                "lab": {name: controller.lab.lab[name] for name in ("instances", "transfer")},
                "public_key": self.public_key,
                "key_file": str(controller.folder / "keys/dave"),
                "user_name": self.user_name,
            },
            environment={
                "ANSIBLE_LOG_PATH": str(self.home / "ansible.log"),
                "PYTHONPATH": f"{controller.folder}/python{os.pathsep}{os.environ['PYTHONPATH']}",
                "SYSLOG": str(self.home / "syslog"),
            },
        )
        self.refused, self.good = self.run.output.split("PLAY [Use public keys")


@pytest.fixture(scope="module")
def done(module_controller: Controller) -> Done:
    # In a profile: a secret key in the environment is an option of each task, and is masked.
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", module_controller.lab.lab["credentials_file"])
        return Done(module_controller)


def result_of(done: Done, task: str) -> dict[str, Any]:
    """Return what the task of that name returned, without what ansible-core adds, once it was refused."""
    (found,) = done.run.all_of(task)
    assert found.status == "ignored"
    return {name: value for name, value in found.result.items() if not name.startswith("_ansible")}


def named(places: list[str], sentences: str) -> list[str]:
    """Return those places of which the sentences say that a private key is there."""
    return [place for place in places if re.search(rf"(?:^|[.] ){re.escape(place)}[][.\w]*: It is a priv", sentences)]


def leaks(text: str, done: Done) -> set[str]:
    """Return the names of the keys of which a part stands in a text. A public key is a part that may be shown."""
    there = keys.runs(text, LENGTH) - keys.runs(done.public_key, LENGTH)
    return {name for name, key in done.private_keys.items() if not there.isdisjoint(parts_of(key))}


def parts_of(key: str) -> set[str]:
    """Return the parts of a private key that no text may have."""
    # PuTTY's files have the public key before that.
    secret = key.partition("Private-Lines:")[2] or key
    return {part for line in re.findall(rf"[A-Za-z0-9+/=]{{{LENGTH},}}", secret) for part in keys.runs(line, LENGTH)}


# -- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manner", cases.MANNERS)
@pytest.mark.parametrize("module", cases.MODULES)
def test_a_key_is_refused_in_every_option_however_the_module_would_run(done: Done, module: str, manner: str) -> None:
    result = result_of(done, f"{module} {manner}")
    assert "invocation" not in result
    names = cases.names_in(module)
    for option, inner in cases.MODULES[module].elements.items():
        names += [f"{option}[{position}]" for position in range(1, 5 + len(cases.names_of(inner)))]
    assert named(names, result["msg"]) == names


@pytest.mark.parametrize("module", cases.MODULES)
def test_a_key_is_refused_as_the_name_of_an_option(done: Done, module: str) -> None:
    assert result_of(done, f"{module} with a key as a name")["msg"].startswith("The options: It is a private key.")


@pytest.mark.parametrize("kind", PRIVATE_KEYS)
def test_each_kind_of_key_is_refused_whole_and_in_its_lines(done: Done, kind: str) -> None:
    sentences = result_of(done, kind)["msg"]
    assert named(["public_keys", "no_such_option[0]"], sentences) == ["public_keys", "no_such_option[0]"]


@pytest.mark.parametrize("module", cases.MODULES)
def test_a_line_of_a_key_without_marks_is_refused(done: Done, module: str) -> None:
    result = result_of(done, f"{module.rpartition('.')[2]} without marks")
    assert "invocation" not in result
    assert re.search(r"base64 without a key type|text of \d+ characters", result["msg"])


@pytest.mark.parametrize("task", [task["name"] for task, _keywords in cases.tasks_with_defaults()])
def test_a_key_from_somewhere_else_is_refused(done: Done, task: str) -> None:
    result = result_of(done, task)
    assert "It is a private key." in result["msg"]
    assert not result.get("invocation")


def test_a_key_beside_its_public_key_is_refused_by_its_place(done: Done) -> None:
    assert result_of(done, "Declare both")["msg"].startswith("public_keys[1]: It is a private key.")


def test_every_task_with_a_key_was_refused_before_anything_was_started_or_sent(done: Done) -> None:
    tasks = [task["name"] for play in cases.plays() for task in play["tasks"]]
    assert len(tasks) == len(set(tasks))
    assert len([each for each in done.run.results if each.status == "ignored"]) == len(tasks) + 1
    assert done.refused.count("fatal: [localhost") == len(tasks) + 1
    assert "EXEC " not in done.refused
    assert "module_args" not in done.refused


# -- What is shown and left -------------------------------------------------------------------------------------------


def test_no_part_of_a_key_is_shown_in_output_or_results(done: Done) -> None:
    assert leaks(done.run.output, done) == set()
    assert leaks(str(done.run.results), done) == set()


def test_no_part_of_a_key_is_left_in_a_file_or_logged(done: Done) -> None:
    files = [path for path in done.home.rglob("*") if path.is_file()]
    assert {"ansible.log", "syslog"} <= {path.name for path in files}
    for path in files:
        assert leaks(path.read_text(encoding="utf-8", errors="replace"), done) == set(), path


@pytest.mark.parametrize("name", [*PRIVATE_KEYS, "without marks", "dave"])
def test_a_key_that_was_shown_would_be_found(done: Done, name: str) -> None:
    shown = done.private_keys[name].replace("\n", "\\n")
    assert leaks(f"{done.refused}{shown}{done.good}", done) >= {name}
    assert leaks(done.public_key, done) == set()


# -- What is good -----------------------------------------------------------------------------------------------------


def test_no_public_key_and_no_user_name_is_masked(done: Done) -> None:
    # Once for each time that a task shows it, in its worker and in a process.
    key = re.escape(done.public_key)
    assert len(re.findall(rf'"(?:ssh_)?public_key(?:s|_body)?".+{key}', done.good)) >= 10
    assert len(re.findall(rf'"user_name".+{re.escape(done.user_name)}', done.good)) >= 10
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" not in done.run.output
    assert "$REDACTED$" not in done.run.output
    assert not re.search(r"[*]{8}(?![*\n])", done.run.output)


def test_each_good_task_ran_in_its_worker_and_then_in_a_process(done: Done) -> None:
    in_workers, in_processes = re.split(r"TASK \[Use them in a process\]", done.good)
    assert len(re.findall(r"TASK \[", in_workers)) == len(re.findall(r"TASK \[", in_processes)) + 1 == 11
    assert "AnsiballZ_" not in in_workers
    assert len(re.findall(r"EXEC .+AnsiballZ_\w+\.py", in_processes)) >= 10


def test_the_log_of_the_system_shows_the_good_processes_with_their_public_keys(done: Done) -> None:
    logged = (done.home / "syslog").read_text(encoding="utf-8").splitlines()
    invocations = [line for line in logged if line.startswith("Invoked with ")]
    assert len(invocations) == 10
    assert len([line for line in invocations if done.public_key in line]) >= 4


@pytest.mark.skipif(not CORE_MASKS, reason="before 2.22 ansible-core repeats a playbook's own text")
def test_what_ansible_core_repeats_of_a_playbook_is_masked(done: Done, module_controller: Controller) -> None:
    """The item of a loop, and the playbook under an error."""
    module = "sshkeys.aws.transfer_ssh_key"
    key = done.private_keys["PKCS8 ed25519"]
    loop = {module: {"public_keys": "{{ item }}"}, "loop": ["{{ private_keys['PKCS8 ed25519'] }}"]}
    echoed = module_controller.write("echoed.json", [cases.play([loop, {module: {"public_keys": key}}])])
    run = module_controller.run(echoed)
    assert [each.status for each in run.results] == ["ignored", "ignored"]
    assert leaks(run.output, done) == set()
