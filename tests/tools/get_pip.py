# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-test runs as get-pip.py, from its cache: it installs the wheel of pip beside it.

ansible-test downloads its own from a host that is often not to be reached where PyPI is.
"""

from __future__ import annotations

import sys
from pathlib import Path

# get_pip_24_2.py has pip-24.2-py3-none-any.whl beside it.
WHEEL = Path(__file__).with_name(f"pip-{Path(__file__).stem[8:].replace('_', '.')}-py3-none-any.whl")

if __name__ == "__main__":
    sys.path.insert(0, str(WHEEL))
    from pip._internal.cli.main import main

    sys.exit(main(["install", "--quiet", "--no-index", "--no-deps", str(WHEEL)]))
