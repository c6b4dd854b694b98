# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command that checks something: ``run.py NAME [READS ...] -- COMMAND [ARGUMENT ...]``.

Prints one line; if the command fails, its output comes first. Exits with its status.

READS are the files and folders that the command reads. If they have not changed since the same command passed, with the
same packages in .venv, it is not run again. Without READS it always runs.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_PASSED = Path(os.environ["PASSED"])


def main(arguments: list[str]) -> int:
    """Run the command unless it is known to pass. Returns its exit status."""
    name, *reads = arguments[: arguments.index("--")]
    command = arguments[arguments.index("--") + 1 :]
    stamp, digest = _PASSED / name.replace(" ", "-"), digest_of(command, reads)
    if reads and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        print(f"ok      {name} (nothing that it reads has changed since it passed)", flush=True)
        return 0
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        print(f"{done.stdout}FAILED  {name} ({seconds:.1f} s)", flush=True)
        return done.returncode
    print(f"ok      {name} ({seconds:.1f} s)", flush=True)
    if reads:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(digest, encoding="ascii")
    return 0


def digest_of(command: list[str], reads: list[str]) -> str:
    """Return a digest that changes when the command, a package of .venv, or a file that it reads does."""
    digest = hashlib.sha256(repr((sys.version, command)).encode())
    packages = Path(sys.prefix, ".set-up")
    files = [packages] if packages.exists() else []
    for place in map(Path, reads):
        files += place.rglob("*") if place.is_dir() else [place]
    for file in sorted(files):
        # Other commands make and delete files of their own in the meantime.
        if file.is_file() and not {".git", "output"} & set(file.parts):
            with suppress(FileNotFoundError):
                digest.update(f"\0{file}\0".encode() + file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
