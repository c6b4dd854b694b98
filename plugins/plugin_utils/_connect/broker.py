# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The broker: the process that makes the connections for every ssh of a run of ansible-playbook, or of a user.

It loads the SDK once. The first process that needs it starts it (proxy_command.start), and all others share it.
server.py has what it is asked and answers. lifetime.py has when it ends: it takes no request any more, and ends with
its last tunnel, since connections that persist outlive a run.

It has the environment and the working folder of the process that has started it, and no request changes them. A process
with others starts a broker of its own (run_folder.broker_name).

Usage: broker.py LISTENER FOLDER LIFETIME PATH…, with the file descriptor of the listening socket, the folder that the
socket is in, a lifetime (lifetime.py), and the paths in which ansible-core looks for collections.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

# More may slow down programs that the configuration of AWS names, and that close all files that could be open.
_OPEN_FILES = 65_536
# Secrets, or halves of them.
_CREDENTIALS = (b"AWS_ACCESS", b"AWS_SECRET", b"AWS_SESSION", b"AWS_SECURITY", b"AWS_CONTAINER_AUTH", b"EC2_")
# What waits for AWS or for a slow host has a thread of its own.
_THREADS = 200


def main() -> int:
    """Serve until the lifetime and the last tunnel have ended. Returns the exit status."""
    if not _take_credentials():
        # It would serve all who have these credentials, and has none.
        return 1
    listener, folder, life = socket.socket(fileno=int(sys.argv[1])), sys.argv[2], sys.argv[3]
    _find_collections(sys.argv[4:])
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Each connection needs a few files.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _OPEN_FILES), hard))
    asyncio.run(_serve(listener, folder, life))
    return 0


def _take_credentials() -> bool:
    """Read the variables of the environment that may be secret, which proxy_command.start writes to this process.

    Returns False if that process was killed before it had written all of them.
    """
    told = sys.stdin.buffer.read()
    for variable in told.split(b"\0"):
        name, _sign, value = variable.partition(b"=")
        if name:
            os.environb[name] = value
    return (b"\0" + told).endswith(b"\0\0")


def _find_collections(paths: Sequence[str]) -> None:
    """Let collections be found where ansible-core finds them. Its own importer takes as long as a connection."""
    package = ModuleType("ansible_collections")
    package.__path__ = [os.path.join(path, "ansible_collections") for path in paths]
    sys.modules["ansible_collections"] = package


async def _serve(listener: socket.socket, folder: str, life: str) -> None:
    from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError  # noqa: PLC0415 - see _find_collections
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import lifetime, server  # noqa: PLC0415 - see _find_collections
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager import open_sessions  # noqa: PLC0415 - see _find_collections

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    name = os.path.basename(listener.getsockname())
    lives = lifetime.of(life, folder, name)
    serving = server.Server(open_sessions.OpenSessions(folder, name), lives.facts_seconds)
    # The guard deletes the keys if this process is killed, too. Without it no key is made, and that is said.
    with contextlib.suppress(ArgumentError):
        await asyncio.to_thread(lives.begin)
    serving.start(listener)
    await lives.ended(serving)
    # At once, and when nobody can make a file there any more.
    lives.clean_up()
    await serving.stop()
    lives.clean_up()
    # What is left names proxies, folders and files: sessions that go on may need them.
    for name in [name for name in os.environb if name.startswith(_CREDENTIALS)]:
        del os.environb[name]
    await serving.tunnels_ended()
    # What is left are threads that wait for answers of AWS, and nobody waits for them.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
