# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that exist for a run only: in a folder of its own, which is gone when the run ends, also after SIGKILL.

A user who logs in by hand has such a folder, too (user_folder.py).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import key_pair, run_guard
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import PAIR, write_once

# A file that says that a process deletes the folder if ansible-playbook cannot (run_guard.py).
_GUARD = "guard"


class RunKeys:
    """The keys of a run.

    folder: holds the keys; only its owner can read it. ansible-playbook deletes it at the end of the run if it is
    inside ansible-playbook's own temporary folder. After SIGKILL or SIGTERM the process run_guard deletes it.
    controller: the process id of ansible-playbook. Without it, the folder goes when no process holds it any more.
    """

    def __init__(self, folder: str, controller: int | None) -> None:
        self._folder, self._controller = folder, controller

    def make_folder(self) -> None:
        """Make the folder, and start its guard, if they are not there. Raises ArgumentError."""
        try:
            # Not those above it: if they are gone, the run has ended.
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._folder, mode=0o700)
            with open(os.path.join(self._folder, _GUARD), "a+", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Before there is anything to delete.
                if not os.fstat(file.fileno()).st_size:
                    file.write(str(self._start_guard()))
                    file.flush()
        except OSError as error:
            raise self._unusable(error) from error

    def pair(self) -> str:
        """Return the path of the private key that the run shares. The public key has the same name with ``.pub``.

        Raises ArgumentError, also if there is no folder: the run has ended.
        """
        path = os.path.join(self._folder, PAIR)
        if not os.path.exists(f"{path}.pub"):
            try:
                # Keep out the processes of other hosts.
                with open(os.path.join(self._folder, _GUARD), "r+", encoding="utf-8") as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    key_pair.make(f"{path}.pub")
            except OSError as error:
                raise self._unusable(error) from error
        return path

    def public_key_file(self, public_key: str) -> str:
        """Return the path of a file with a public key, by which ssh finds the private half in its agent.

        Raises ArgumentError.
        """
        try:
            return write_once(self._folder, f"{public_key.strip()}\n", ".pub")
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> ArgumentError:
        return ArgumentError(
            f"The folder for the keys of the run, {self._folder}, cannot be used: {printable(error)}. Look at it, and "
            "at ANSIBLE_LOCAL_TEMP."
        )

    def _start_guard(self) -> int:
        controller = [] if self._controller is None else [str(self._controller)]
        command = [sys.executable, "-I", "-S", str(run_guard.__file__), self._folder, *controller]
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
