# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program behind the sshd of a Transfer user: it speaks SFTP, and shows the user's home and mappings.

sshd's own server cannot do that without root. paramiko has the protocol; this file has what a request means.
It is a process of its own for each login, so it reads the home that the user has at that moment, and imports little.
What S3 cannot do is refused as unsupported: links, and other modes, owners and times than a file has.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import stat
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

from paramiko import ServerInterface, SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface
from paramiko.sftp import SFTP_OK

from .files import LAB_FILE, STORAGE
from .home_view import HomeView
from .storage import Storage, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from .home_view import Parts

# The command of the subsystem in the configuration of sshd, which tells the program what the client has asked for.
_SUBSYSTEM = "internal-sftp"
_SECONDS_OF_LAB = 10
# Of a file, at once. More than clients ask for.
_MOST_BYTES = 256 * 1024

_FOLDER_OF_MAPPINGS = os.stat_result((stat.S_IFDIR | 0o755, *[0] * 9))

_T = TypeVar("_T")


class _Stdio:
    """Standard input and output, in the place of a channel of paramiko."""

    def recv(self, size: int) -> bytes:
        return os.read(0, size)

    def send(self, data: bytes) -> int:
        return os.write(1, data)

    def get_name(self) -> str:
        return "stdio"

    def get_transport(self) -> _Stdio:
        return self

    def get_log_channel(self) -> str:
        return "lab"

    def get_hexdump(self) -> bool:
        return False


class _File(SFTPHandle):
    """An open file."""

    def __init__(self, descriptor: int, flags: int) -> None:
        super().__init__(flags)
        self._descriptor = descriptor
        self._appends = bool(flags & os.O_APPEND)

    def close(self) -> None:
        os.close(self._descriptor)

    def read(self, offset: int, length: int) -> bytes | int:
        return _or_code(lambda: os.pread(self._descriptor, min(length, _MOST_BYTES), offset))

    def write(self, offset: int, data: Buffer) -> int:
        return _code_of(lambda: self._write(offset, memoryview(data)))

    def _write(self, offset: int, data: memoryview) -> None:
        while data:
            written = os.write(self._descriptor, data) if self._appends else os.pwrite(self._descriptor, data, offset)
            offset, data = offset + written, data[written:]

    def stat(self) -> SFTPAttributes | int:
        return _or_code(lambda: SFTPAttributes.from_stat(os.fstat(self._descriptor)))


class _Requests(SFTPServerInterface):
    """The requests of a client. Each returns its result, or a code of SFTP."""

    def __init__(self, server: ServerInterface, view: HomeView, storage: Storage) -> None:
        super().__init__(server)
        self._view = view
        self._storage = storage

    def canonicalize(self, path: str) -> str:
        return f"/{'/'.join(self._view.resolve(path))}"

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        return _or_code(lambda: self._list_folder(self._view.resolve(path)))

    def stat(self, path: str) -> SFTPAttributes | int:
        return _or_code(lambda: self._attributes(self._view.resolve(path)))

    lstat = stat

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> SFTPHandle | int:  # noqa: ARG002 - S3 has no modes
        return _or_code(lambda: _File(self._storage.open(self._place(path), flags), flags))

    def remove(self, path: str) -> int:
        return _code_of(lambda: self._storage.remove(self._place(path)))

    def mkdir(self, path: str, attr: SFTPAttributes) -> int:  # noqa: ARG002 - S3 has no modes
        return _code_of(lambda: self._storage.make_folder(self._place(path, moves=True)))

    def rmdir(self, path: str) -> int:
        return _code_of(lambda: self._storage.remove_folder(self._place(path, moves=True)))

    def rename(self, oldpath: str, newpath: str) -> int:
        return _code_of(
            lambda: self._storage.rename(self._place(oldpath, moves=True), self._place(newpath, moves=True))
        )

    def _place(self, path: str, *, moves: bool = False) -> Parts:
        """Return where in the storage a file or folder is, or would be. moves: it comes or goes as a whole."""
        parts = self._view.resolve(path)
        if self._view.names_in(parts) or (moves and self._view.is_entry(parts)):
            raise refusal(errno.EACCES)
        place = self._view.place(parts)
        if place is None:
            raise refusal(errno.ENOENT)
        return place

    def _attributes(self, parts: Parts) -> SFTPAttributes:
        name = parts[-1] if parts else "."
        place = self._view.place(parts)
        if place is not None and self._storage.exists(place):
            found = self._storage.status(place)
            if stat.S_ISDIR(found.st_mode) or not self._is_of_mappings(parts):
                return SFTPAttributes.from_stat(found, name)
        if not self._is_of_mappings(parts):
            raise refusal(errno.ENOENT)
        return SFTPAttributes.from_stat(_FOLDER_OF_MAPPINGS, name)

    def _is_of_mappings(self, parts: Parts) -> bool:
        """Say whether there is a folder here, even if the storage has none."""
        return not parts or bool(self._view.names_in(parts))

    def _list_folder(self, parts: Parts) -> list[SFTPAttributes]:
        if not stat.S_ISDIR(self._attributes(parts).st_mode or 0):
            raise refusal(errno.ENOTDIR)
        names = self._view.names_in(parts)
        place = self._view.place(parts)
        if place is not None and self._storage.exists(place):
            names |= set(self._storage.names(place))
        found = [_or_code(partial(self._attributes, (*parts, name))) for name in sorted(names)]
        # An entry of the type FILE is there only if its file is.
        return [each for each in found if isinstance(each, SFTPAttributes)]


def _or_code(serve: Callable[[], _T]) -> _T | int:
    """Return what `serve` returns, or the code for its error."""
    try:
        return serve()
    except OSError as error:
        return SFTPServer.convert_errno(error.errno or errno.EIO)


def _code_of(change: Callable[[], object]) -> int:
    """Make a change, and return the code for its success or its error."""
    code = _or_code(change)
    return code if isinstance(code, int) else SFTP_OK


def _profile(state: Path, server_id: str, user_name: str) -> dict[str, Any]:
    """Return the user's profile as the lab has it now; raise ValueError if there is no such user."""
    lab = json.loads((state / LAB_FILE).read_text("utf-8"))["lab"]
    url = urlsplit(f"{lab['control_url']}/transfer/users/{quote(user_name, safe='')}")
    connection = http.client.HTTPConnection(url.netloc, timeout=_SECONDS_OF_LAB)
    asked = json.dumps({"server_id": server_id})
    connection.request("GET", url.path, asked, {"X-Lab-Key": lab["access_key"]})
    answer = json.load(connection.getresponse())
    if "error" in answer:
        raise ValueError(answer["error"])
    profile: dict[str, Any] = answer["profile"]
    return profile


def main(arguments: list[str]) -> int:
    """Serve one session of the Transfer user that the arguments name: the state folder, server id and user name."""
    state, server_id, user_name = Path(arguments[0]), *arguments[1:]
    if os.environ.get("SSH_ORIGINAL_COMMAND") != _SUBSYSTEM:
        sys.stderr.write("This service allows sftp connections only.\n")
        return 1
    try:
        view = HomeView(user_name, _profile(state, server_id, user_name))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    storage = Storage(state / STORAGE)
    for folder in view.folders():
        storage.make_folders(folder)
    channel: Any = _Stdio()
    SFTPServer(channel, "sftp", ServerInterface(), _Requests, view, storage).start_subsystem("sftp", channel, channel)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
