# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in a process of its own, without Ansible around it.

Prints, as JSON, the seconds that its function took by the clock and of the processor, the peak of its memory in bytes,
and what came of it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.testing import patch_module_args


def _peak() -> int:
    """Return the peak of this process's memory in bytes.

    Not ru_maxrss, which begins with what the parent had when it forked.
    """
    (kilobytes,) = re.findall(
        r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE
    )
    return int(kilobytes) * 1024


def main() -> None:
    """Run the module with the options in the standard input, JSON."""
    parser = argparse.ArgumentParser(description="Run a module and measure it.")
    parser.add_argument("module")
    module: Any = importlib.import_module(
        f"ansible_collections.sshkeys.aws.plugins.modules.{parser.parse_args().module}"
    )
    seconds = processor = 0.0
    run = module.run

    def measured(*arguments: Any, **named: Any) -> Any:
        nonlocal seconds, processor
        began, began_to_work = time.monotonic(), time.process_time()
        report = run(*arguments, **named)
        seconds, processor = time.monotonic() - began, time.process_time() - began_to_work
        return report

    module.run = measured
    printed = io.StringIO()
    arguments = json.load(sys.stdin)["ANSIBLE_MODULE_ARGS"]
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(printed), patch_module_args(arguments):
        module.main()
    result = json.loads(printed.getvalue())
    print(
        json.dumps(
            {
                "seconds": seconds,
                "peak": _peak(),
                "processor": processor,
                "failed": sum(not target["success"] for target in result.get("targets", [])),
                "changed": result.get("changed", False),
                "msg": result.get("msg", ""),
            }
        )
    )


if __name__ == "__main__":
    main()
