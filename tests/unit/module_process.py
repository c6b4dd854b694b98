# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in a process, called as Ansible's developer guide says ("Verifying your module code"), many times in one."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def results(module: str, calls: Sequence[Mapping[str, Any]], paths: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Call a module with each set of arguments, and return its results.

    module: its full name. paths: folders that come before all others when it imports something.
    """
    done = subprocess.run(
        [sys.executable, __file__, module],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *sys.path])},
        input="".join(f"{json.dumps({'ANSIBLE_MODULE_ARGS': call})}\n" for call in calls),
        capture_output=True,
        text=True,
        check=False,
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or len(found) != len(calls):
        raise AssertionError(f"{module} returned {len(found)} results of {len(calls)}: {done.stderr}")
    return found


def python(program: str) -> str:
    """Run a program in a Python of its own, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


def main() -> None:
    """Import the module once, and call it in a fork for each line of standard input."""
    module = importlib.import_module(sys.argv[1])
    for line in sys.stdin.read().splitlines():
        sys.stdout.flush()
        child = os.fork()
        if not child:
            sys.argv = [module.__name__, line]
            module.main()
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
