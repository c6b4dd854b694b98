# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sessions that a broker has open, each as a file in the folder of the run.

A broker that is killed ends none of them. The next one of the same name finds the files, and ends them.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple


class OpenSession(NamedTuple):
    """A session, and the options for AWS that it was started with (settings.py)."""

    id: str
    aws: Mapping[str, Any]


class OpenSessions:
    """The files of a broker. When the run has ended, there is no folder any more, and no file is kept."""

    def __init__(self, folder: str, broker: str) -> None:
        """Touch nothing. folder: of the run. broker: the name of the broker."""
        self._folder = folder
        self._prefix = f"{broker}.session."

    def add(self, session: OpenSession) -> None:
        """Keep a session that was started. Its file may have secrets, as the settings of the connection."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path(session.id), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(session.aws, file)

    def remove(self, session_id: str) -> None:
        """Keep a session no more."""
        with contextlib.suppress(OSError):
            os.unlink(self._path(session_id))

    def left(self) -> list[OpenSession]:
        """Return the sessions that an earlier broker has kept."""
        found = []
        with contextlib.suppress(OSError):
            for name in os.listdir(self._folder):
                if name.startswith(self._prefix):
                    # One that was not written to its end has no options, and one may be removed at the same time.
                    with contextlib.suppress(OSError, ValueError), open(os.path.join(self._folder, name), "rb") as file:
                        aws = json.load(file)
                        if isinstance(aws, dict):
                            found.append(OpenSession(name[len(self._prefix) :], aws))
        return found

    def _path(self, session_id: str) -> str:
        return os.path.join(self._folder, self._prefix + os.path.basename(session_id))
