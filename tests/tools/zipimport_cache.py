# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what Python compiles of a module in a zip file, as it does of a module in a folder.

Ansible sends a module as a zip file with all that it imports, and Python compiles that anew for each task: most of the
time that a short task takes. The tests run thousands of tasks, so setup.sh has each interpreter of .venv import this
when it starts. An environment with NO_ZIPIMPORT_CACHE is left alone, since a benchmark must not gain by it.
"""

from __future__ import annotations

import _imp
import marshal
import os
import sys
import zipimport
from types import CodeType


def _install() -> None:
    """Take the place of what zipimport compiles with, which has no public way to it."""
    compile_source = zipimport._compile_source  # type: ignore[attr-defined]  # noqa: SLF001
    fix_filename = _imp._fix_co_filename  # type: ignore[attr-defined]  # noqa: SLF001
    folder = os.path.join(sys.prefix, "zipimport-cache", str(sys.implementation.cache_tag))
    os.makedirs(folder, exist_ok=True)

    def compile_once(path: str, source: bytes) -> CodeType:
        # With the hash of Python's own hash-based files (PEP 552).
        file = os.path.join(folder, _imp.source_hash(0, source).hex())
        try:
            with open(file, "rb") as compiled:
                code: CodeType = marshal.loads(compiled.read())  # noqa: S302 - it was written below
        except (OSError, EOFError, TypeError, ValueError):
            code = compile_source(path, source)
            _write(file, marshal.dumps(code))
        else:
            # The zip file was another one.
            fix_filename(code, path)
        return code

    zipimport._compile_source = compile_once  # type: ignore[attr-defined]  # noqa: SLF001


def _write(file: str, compiled: bytes) -> None:
    """Write a file that others may be writing, too."""
    temporary = f"{file}.{os.getpid()}"
    try:
        with open(temporary, "wb") as opened:
            opened.write(compiled)
        os.replace(temporary, file)
    except OSError:
        # Nothing fails because of what only saves time.
        pass


if "NO_ZIPIMPORT_CACHE" not in os.environ:
    try:
        _install()
    except (AttributeError, OSError):
        # As above; and another Python may have another zipimport.
        pass
