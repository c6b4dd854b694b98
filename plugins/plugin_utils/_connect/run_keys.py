# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that exist for a run only: in a folder of its own, which is gone when the run ends, also after SIGKILL."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import key_pair, run_guard
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import controller, write_once

_GUARD = "guard"
_PAIR = "id_ed25519"


class RunKeys:
    """The keys of a run.

    folder: holds the keys; it is created when needed, and only its owner can read it. ansible-playbook deletes it at
    the end of the run if it is inside ansible-playbook's own temporary folder. After SIGKILL or SIGTERM the process
    run_guard deletes it.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def pair(self) -> str:
        """Return the path of the private key that the run shares. The public key has the same name with ``.pub``.

        Raises ArgumentError.
        """
        with self._locked():
            path = os.path.join(self._folder, _PAIR)
            key_pair.make(f"{path}.pub")
            return path

    def public_key_file(self, public_key: str) -> str:
        """Return the path of a file with a public key, by which ssh finds the private half in its agent.

        Raises ArgumentError.
        """
        with self._locked():
            return write_once(self._folder, f"{public_key.strip()}\n", ".pub")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep out the processes of other hosts, in a folder that is guarded."""
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            with open(os.path.join(self._folder, _GUARD), "a+", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Before there is anything to delete.
                if not os.fstat(file.fileno()).st_size:
                    file.write(str(self._start_guard()))
                    file.flush()
                yield
        except OSError as error:
            raise ArgumentError(
                f"The folder for the keys of the run, {self._folder}, cannot be used: {printable(error)}. Look at it, "
                "and at ANSIBLE_LOCAL_TEMP."
            ) from error

    def _start_guard(self) -> int:
        command = [sys.executable, "-I", "-S", str(run_guard.__file__), self._folder, str(controller())]
        # A session of its own keeps Ctrl-C away.
        guard = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        return guard.pid
