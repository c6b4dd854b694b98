# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The integration targets, as they run inside the lab."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .project import Project


def run_targets(project: Project, targets: Sequence[str], more: Mapping[str, object], *, verbose: bool) -> None:
    """Become ``ansible-test integration``. The lab that started this process stops when it ends.

    more: variables of the targets beside those of the lab.
    """
    state = json.loads(Path(os.environ["LAB_STATE"]).read_text(encoding="utf-8"))
    # ansible-test hands no variable of the environment on: this file is how targets get to know the lab.
    variables = project.staged / "tests" / "integration" / "integration_config.yml"
    variables.write_text("---\n" + json.dumps({**state, **more}, indent=2) + "\n", encoding="utf-8")
    project.results.unlink(missing_ok=True)
    os.chdir(project.staged)
    command = ["ansible-test", "integration", "--local", "--color", "no", "--continue-on-error"]
    command += ["-v"] if verbose else []
    os.execvpe(command[0], [*command, *targets], project.environment())
