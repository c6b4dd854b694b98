# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The broker of a run: the process that makes the connections for every ssh of ansible-playbook.

It loads the SDK once. The first process that needs it starts it (proxy_command.start), and all others share it.
server.py has what it is asked and answers. When the run has ended, it deletes the folder of the run with all keys and
secrets, takes no request any more, and ends with its last tunnel: connections that persist outlive the run.

It has the environment and the working folder of the process that has started it, and no request changes them. A process
with others starts a broker of its own (run_folder.broker_name).

Usage: broker.py LISTENER FOLDER CONTROLLER PATH…, with the file descriptor of the listening socket, the folder of the
run, the process id of ansible-playbook, and the paths in which ansible-core looks for collections.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

# More may slow down programs that the configuration of AWS names, and that close all files that could be open.
_OPEN_FILES = 65_536
# Secrets, or halves of them.
_CREDENTIALS = (b"AWS_ACCESS", b"AWS_SECRET", b"AWS_SESSION", b"AWS_SECURITY", b"EC2_")
# What waits for AWS or for a slow host has a thread of its own.
_THREADS = 200


def main() -> int:
    """Serve until the run and the last tunnel have ended. Returns the exit status."""
    _take_credentials()
    listener, folder, controller = socket.socket(fileno=int(sys.argv[1])), sys.argv[2], int(sys.argv[3])
    _find_collections(sys.argv[4:])
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Each connection needs a few files.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _OPEN_FILES), hard))
    asyncio.run(_serve(listener, folder, controller))
    return 0


def _take_credentials() -> None:
    """Read the variables of the environment that may be secret, which proxy_command.start writes to this process."""
    for variable in sys.stdin.buffer.read().split(b"\0"):
        name, _sign, value = variable.partition(b"=")
        if name:
            os.environb[name] = value


def _find_collections(paths: Sequence[str]) -> None:
    """Let collections be found where ansible-core finds them. Its own importer takes as long as a connection."""
    package = ModuleType("ansible_collections")
    package.__path__ = [os.path.join(path, "ansible_collections") for path in paths]
    sys.modules["ansible_collections"] = package


async def _serve(listener: socket.socket, folder: str, controller: int) -> None:
    from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError  # noqa: PLC0415 - see _find_collections
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import run_guard, run_keys, server  # noqa: PLC0415 - see _find_collections
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager import open_sessions  # noqa: PLC0415 - see _find_collections

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    serving = server.Server(open_sessions.OpenSessions(folder, os.path.basename(listener.getsockname())))
    # The guard deletes the folder if this process is killed, too. Without it no key is made, and that is said.
    with contextlib.suppress(ArgumentError):
        await asyncio.to_thread(run_keys.RunKeys(folder, controller).make_folder)
    serving.start(listener)
    await asyncio.to_thread(run_guard.wait, folder, controller)
    # At once, and when nobody can make a file there any more.
    shutil.rmtree(folder, ignore_errors=True)
    await serving.stop()
    shutil.rmtree(folder, ignore_errors=True)
    # What is left names proxies, folders and files: sessions that go on may need them.
    for name in [name for name in os.environb if name.startswith(_CREDENTIALS)]:
        del os.environb[name]
    await serving.tunnels_ended()
    # What is left are threads that wait for answers of AWS, and nobody waits for them.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
