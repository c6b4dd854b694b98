# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes plays with private keys where none belongs, and looks for the keys in what Ansible then said and left."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from ansible_collections.sshkeys.aws.plugins.modules import (
    ec2_instance_connect_key,
    ec2_serial_console_key,
    transfer_ssh_key,
    transfer_ssh_key_info,
)
from ansible_collections.sshkeys.aws.tests.unit.private_keys import PRIVATE_KEYS

MODULES = {
    f"sshkeys.aws.{module.__name__.rpartition('.')[2]}": module.SPEC
    for module in (ec2_instance_connect_key, ec2_serial_console_key, transfer_ssh_key, transfer_ssh_key_info)
}
# The inside of a PEM file with an Ed25519 key. With a "/" it is no user name, either.
BODY = "MC4CAQAwBQYDK2VwBCIEIEb/SBT4q1mRZJ3zxL5oVdU2nKy7+wQHgEiPcMaXt90r"
# How much of a key must not be found anywhere: 12 bytes of it.
RUN = 16

# What a task may say of where and how its module runs. None of it is begun.
KEYWORDS: tuple[dict[str, Any], ...] = (
    {},
    {"vars": {"sshkeys_aws_fast_path": False}},
    {"become": True},
    {"async": 60, "poll": 1},
    {"check_mode": True, "diff": True},
    {"environment": {"PYTHONHASHSEED": "1"}},
    {"delegate_to": "elsewhere"},
)


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """``write`` writes plays and keys into ``folder``, ``look`` looks for the keys in ``texts`` and ``folders``."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do it. Returns the number of refused tasks as ``tasks``, or what was found as ``found``."""
        super().run(tmp, task_vars)
        _options, asked = self.validate_argument_spec(
            {
                "step": {"choices": ["write", "look"], "required": True},
                "folder": {"type": "path", "required": True},
                "texts": {"type": "list", "elements": "str", "default": []},
                "folders": {"type": "list", "elements": "path", "default": []},
            }
        )
        folder = Path(asked["folder"])
        if asked["step"] == "write":
            return {"changed": False, "tasks": write(folder)}
        texts = [*asked["texts"], *(text for place in asked["folders"] for text in texts_below(Path(place)))]
        keys = json.loads((folder / "keys.json").read_text(encoding="utf-8"))["private_keys"]
        return {"changed": False, "searched": len(texts), "found": sorted(found_in(texts, keys))}


# -- What is written --------------------------------------------------------------------------------------------------


def write(folder: Path) -> int:
    """Write keys.json and refused.json, and return the number of tasks in it. Each of them must be refused."""
    # A file of variables is UTF-8, and a key of SSH1 has bytes that are not.
    keys = {name: make().encode("utf-8", "replace").decode() for name, make in PRIVATE_KEYS.items()}
    keys["without marks"] = BODY
    lines = {name: text.splitlines() for name, text in keys.items()}
    variables = {"private_keys": keys, "lines": lines, "body": BODY}
    # A file of variables: ansible-core has no text of it to repeat.
    (folder / "keys.json").write_text(json.dumps(variables), encoding="utf-8")
    (folder / "keys.json").chmod(0o600)
    plays = [play(list(tasks_with_marks(list(PRIVATE_KEYS)))), play(list(tasks_without_marks())), *plays_of_defaults()]
    (folder / "refused.json").write_text(json.dumps(plays, indent=1), encoding="utf-8")
    (folder / "echoed.json").write_text(
        json.dumps([play_that_echoes(keys["PKCS8 ed25519"])], indent=1), encoding="utf-8"
    )
    return sum(len(each["tasks"]) for each in plays)


def play(tasks: Sequence[Mapping[str, Any]], **keywords: object) -> dict[str, Any]:
    """Return a play of tasks that may fail."""
    return {
        "hosts": "controller",
        "gather_facts": False,
        "ignore_errors": True,
        "vars_files": ["keys.json"],
        "tasks": tasks,
        **keywords,
    }


def tasks_with_marks(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a task for each place where a key with its marks can stand. They take the kinds of keys in turn."""
    turn, manner = itertools.cycle(names), itertools.cycle(KEYWORDS)

    def whole() -> str:
        return f"{{{{ private_keys['{next(turn)}'] }}}}"

    def split() -> str:
        return f"{{{{ lines['{next(turn)}'] }}}}"

    for module, spec in MODULES.items():
        forms: Iterator[Callable[[], Any]] = itertools.cycle((whole, split, lambda: {"inside": [{"deeper": whole()}]}))
        for option in names_of({**aws_argument_spec(), **spec.options, "no_such_option": {}}):
            yield {module: {option: next(forms)()}, **next(manner)}
        yield {module: f"{{{{ {{private_keys['{next(turn)}']: 'a name'}} }}}}", **next(manner)}
        for option, inner in spec.elements.items():
            for elements in ([whole()], split(), [{"no_such_name": whole()}], [[whole()]], [{"a": [{"b": split()}]}]):
                yield {module: {option: elements}, **next(manner)}
            for name in names_of(inner):
                yield {module: {option: ["partner", {name: next(forms)()}]}, **next(manner)}
    # Every kind of key in one place, so that the turn above need not come by.
    for name in names:
        yield {"sshkeys.aws.transfer_ssh_key": {"public_keys": f"{{{{ private_keys['{name}'] }}}}"}}
        yield {"sshkeys.aws.transfer_ssh_key": {"no_such_option": f"{{{{ lines['{name}'] }}}}"}}


def tasks_without_marks() -> Iterator[dict[str, Any]]:
    """Yield a task for each option where a line of a key can be nothing else."""
    manner = itertools.cycle(KEYWORDS)
    for module, spec in MODULES.items():
        closed = {
            name: about
            for name, about in spec.options.items()
            if name in spec.checks or about["type"] in ("int", "bool") or about.get("choices")
        }
        for option in names_of(closed):
            yield {module: {option: "{{ body }}"}, **next(manner)}


def plays_of_defaults() -> Iterator[dict[str, Any]]:
    """Yield plays whose tasks get a key from somewhere else."""
    key = "{{ private_keys['OpenSSH rsa'] }}"
    module = "sshkeys.aws.transfer_ssh_key_info"
    task = {module: {"server_id": "s-01234567890abcdef"}}
    yield play([task], module_defaults={module: {"user_names": [key]}})
    yield play([task], module_defaults={"group/sshkeys.aws.aws": {"access_key": key}})
    # It becomes a parameter when the options are validated.
    yield play([task], environment={"AWS_SECRET_ACCESS_KEY": key, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"})
    yield play([task], environment={"AWS_PROFILE": key})


def play_that_echoes(key: str) -> dict[str, Any]:
    """Return a play of which ansible-core shows the key: in the item of a loop, and in the playbook under an error."""
    module = "sshkeys.aws.transfer_ssh_key"
    loop = {module: {"public_keys": "{{ item }}"}, "loop": ["{{ private_keys['PKCS8 ed25519'] }}"]}
    return play([loop, {module: {"public_keys": key}}])


def names_of(options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of options, with their aliases."""
    return [name for option, about in options.items() for name in (option, *about.get("aliases", ()))]


# -- What is looked for -----------------------------------------------------------------------------------------------


def found_in(texts: Sequence[str], keys: Mapping[str, str]) -> Iterator[str]:
    """Yield the name of each key of which a part stands in one of the texts, with what stands before it."""
    runs = {
        line[start : start + RUN]: name
        for name, key in keys.items()
        # PuTTY's files have the public key before that.
        for line in re.findall(r"[A-Za-z0-9+/=]{16,}", key.partition("Private-Lines:")[2] or key)
        for start in range(len(line) - RUN + 1)
    }
    for text in texts:
        for start in range(len(text) - RUN + 1):
            if text[start : start + RUN] in runs:
                before = text[max(0, start - 200) : start].rpartition("TASK [")[2]
                yield f"{runs[text[start : start + RUN]]}: {before}"
                break


def texts_below(folder: Path) -> Iterator[str]:
    """Yield the text of each file in a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_text(encoding="utf-8", errors="replace")
