# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules in processes, called as Ansible's developer guide says ("Verifying your module code"), many in one Python."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

import botocore.session
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import preload
from botocore.loaders import Loader


class ModuleProcesses:
    """A Python that has imported modules, and forks a process for each call of one."""

    def __init__(self, calls: IO[str], results: IO[str]) -> None:
        """Take its standard input and its standard output."""
        self._calls, self._results = calls, results

    def result(self, module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a module by its full name, with this process's environment, and return its result."""
        call = {"module": module, "arguments": arguments, "environment": dict(os.environ)}
        self._calls.write(f"{json.dumps(call)}\n")
        self._calls.flush()
        for line in iter(self._results.readline, ""):
            if line.startswith("{"):
                result: dict[str, Any] = json.loads(line)
                return result
        raise AssertionError(f"{module} returned no result.")


@contextmanager
def module_processes(modules: Sequence[str]) -> Iterator[ModuleProcesses]:
    """Start the Python that calls these modules, and end it with the block."""
    with subprocess.Popen(
        [sys.executable, __file__, *modules],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        yield ModuleProcesses(process.stdin, process.stdout)
        # Popen closes the standard input, and waits.


def python(program: str) -> str:
    """Run a program in a Python of its own, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


def main() -> None:
    """Import the modules once, and call the one that a line of standard input names, in a fork."""
    modules = {name: importlib.import_module(name) for name in sys.argv[1:]}
    # Every session would read the descriptions of services again, which is most of what a call costs.
    preloaded = preload()
    assert preloaded
    loader = preloaded.loader

    def create_loader(search_path_string: str | None = None) -> Loader:
        del search_path_string
        return loader

    botocore.session.create_loader = create_loader
    for line in iter(sys.stdin.readline, ""):
        call = json.loads(line)
        child = os.fork()
        if not child:
            os.environ.clear()
            os.environ.update(call["environment"])
            module = modules[call["module"]]
            sys.argv = [module.__name__, json.dumps({"ANSIBLE_MODULE_ARGS": call["arguments"]})]
            try:
                module.main()
            finally:
                sys.stdout.flush()
                # Without the destruction of all that was imported, which takes longer than the module.
                os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
