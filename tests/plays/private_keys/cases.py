# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays with a private key in every place where none belongs. Each of their tasks must be refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from ansible_collections.sshkeys.aws.plugins.modules import (
    ec2_instance_connect_info,
    ec2_instance_connect_key,
    ec2_serial_console_key,
    transfer_server_info,
    transfer_ssh_key,
    transfer_ssh_key_info,
    transfer_user,
    transfer_user_info,
)
from ansible_collections.sshkeys.aws.tests.unit.private_keys import PRIVATE_KEYS

MODULES = {
    f"sshkeys.aws.{module.__name__.rpartition('.')[2]}": module.SPEC
    for module in (
        ec2_instance_connect_info,
        ec2_instance_connect_key,
        ec2_serial_console_key,
        transfer_server_info,
        transfer_ssh_key,
        transfer_ssh_key_info,
        transfer_user,
        transfer_user_info,
    )
}
# The inside of a PEM file with an Ed25519 key. With a "/" it is no user name, either.
BODY = "MC4CAQAwBQYDK2VwBCIEIEb/SBT4q1mRZJ3zxL5oVdU2nKy7+wQHgEiPcMaXt90r"
# What a task may say of where and how its module runs. None of it is begun.
MANNERS: dict[str, dict[str, Any]] = {
    "in its worker": {},
    "in a process": {"vars": {"sshkeys_aws_fast_path": False}},
    "as another user": {"become": True},
    "in the background": {"async": 60, "poll": 1},
    "in check mode": {"check_mode": True, "diff": True},
    "with an environment": {"environment": {"PYTHONHASHSEED": "1"}},
    "somewhere else": {"delegate_to": "elsewhere"},
}


def variables() -> dict[str, Any]:
    """Return what the plays read from a file of variables: ansible-core has no text of it to repeat."""
    # Such a file is UTF-8, and a key of SSH1 has bytes that are not.
    keys = {name: make().encode("utf-8", "replace").decode() for name, make in PRIVATE_KEYS.items()}
    keys["without marks"] = BODY
    return {"private_keys": keys, "lines": {name: text.splitlines() for name, text in keys.items()}, "body": BODY}


def plays() -> list[dict[str, Any]]:
    """Return all plays. Each task has a name of its own, and keys in many places."""
    return [
        play([*tasks_with_marks(), *tasks_of_each_kind(), *tasks_without_marks()]),
        *(play([task], **keywords) for task, keywords in tasks_with_defaults()),
    ]


def play(tasks: Sequence[Mapping[str, Any]], **keywords: object) -> dict[str, Any]:
    """Return a play of tasks that may fail."""
    return {
        "hosts": "localhost",
        "gather_facts": False,
        "ignore_errors": True,
        "vars_files": ["keys.json"],
        "tasks": tasks,
        **keywords,
    }


def tasks_with_marks() -> Iterator[dict[str, Any]]:
    """Yield a task for each module and each manner, with a key in every option, in all of its forms in turn."""
    for module in MODULES:
        for number, (manner, keywords) in enumerate(MANNERS.items()):
            yield {"name": f"{module} {manner}", module: options_with_keys(module, number), **keywords}
        name = next(_turn)
        yield {"name": f"{module} with a key as a name", module: f"{{{{ {{private_keys['{name}']: 'a name'}} }}}}"}


def options_with_keys(module: str, number: int) -> dict[str, Any]:
    """Return every option of a module, amazon.aws's and one that there is not, each with a key in it.

    number: the form of the first one; the next option has the next form.
    """
    forms = itertools.islice(itertools.cycle((_whole, _split, _nested)), number, None)
    options = {name: next(forms)() for name in names_in(module)}
    for option, inner in MODULES[module].elements.items():
        elements: list[Any] = [
            "partner",
            _whole(),
            [_whole()],
            {"no_such_name": _whole()},
            {"a": [{"b": _split()}]},
            *({name: next(forms)()} for name in names_of(inner)),
        ]
        options[option] = elements
    return options


def names_in(module: str) -> list[str]:
    """Return the names of the options of a module, with their aliases, amazon.aws's, and one that there is not."""
    return names_of({**aws_argument_spec(), **MODULES[module].options, "no_such_option": {}})


_turn = itertools.cycle(PRIVATE_KEYS)


def _whole() -> str:
    return f"{{{{ private_keys['{next(_turn)}'] }}}}"


def _split() -> str:
    return f"{{{{ lines['{next(_turn)}'] }}}}"


def _nested() -> dict[str, Any]:
    return {"inside": [{"deeper": _whole()}]}


def tasks_of_each_kind() -> Iterator[dict[str, Any]]:
    """Yield a task for each kind of key, whole and in its lines."""
    for name in PRIVATE_KEYS:
        options = {"public_keys": f"{{{{ private_keys['{name}'] }}}}", "no_such_option": f"{{{{ lines['{name}'] }}}}"}
        yield {"name": name, "sshkeys.aws.transfer_ssh_key": options}


def tasks_without_marks() -> Iterator[dict[str, Any]]:
    """Yield a task for each module, with a line of a key in one of the options where it can be nothing else."""
    for module, option in {
        "ec2_instance_connect_info": "instance_ids",
        "ec2_instance_connect_key": "public_key",
        "ec2_serial_console_key": "serial_port",
        "transfer_server_info": "server_ids",
        "transfer_ssh_key": "public_keys",
        "transfer_ssh_key_info": "user_names",
        "transfer_user": "role_arn",
        "transfer_user_info": "user_names",
    }.items():
        yield {"name": f"{module} without marks", f"sshkeys.aws.{module}": {option: "{{ body }}"}}


def tasks_with_defaults() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield tasks that get a key from somewhere else, and the keywords of their plays."""
    key = "{{ private_keys['OpenSSH rsa'] }}"
    module = "sshkeys.aws.transfer_ssh_key_info"
    of_play: dict[str, dict[str, Any]] = {
        "a default of the module": {"module_defaults": {module: {"user_names": [key]}}},
        "a default of the group": {"module_defaults": {"group/sshkeys.aws.aws": {"access_key": key}}},
        # It becomes an option when the options are validated.
        "a secret key in the environment": {
            "environment": {"AWS_SECRET_ACCESS_KEY": key, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}
        },
        "a profile in the environment": {"environment": {"AWS_PROFILE": key}},
    }
    for name, keywords in of_play.items():
        yield {"name": name, module: {"server_id": "s-01234567890abcdef"}}, keywords


def names_of(options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of options, with their aliases."""
    return [name for option, about in options.items() for name in (option, *about.get("aliases", ()))]
