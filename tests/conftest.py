# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all tests share: a lab for each worker of pytest, and the options of make test and of make exhaustive."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab, start_lab
from ansible_collections.sshkeys.aws.tests.secrets_left import no_secret_left

# On a busy machine an example may take long for no reason of its own. Each test has a time limit.
hypothesis.settings.register_profile("test", deadline=None, max_examples=25)
hypothesis.settings.register_profile("exhaustive", deadline=None, max_examples=200)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the tests marked as exhaustive too, and more examples")


def pytest_configure(config: pytest.Config) -> None:
    # Servers of the tests are on this machine, and a proxy of the user's leads elsewhere.
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    hypothesis.settings.load_profile("exhaustive" if config.getoption("--all") else "test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--all"):
        return
    exhaustive = [item for item in items if item.get_closest_marker("exhaustive")]
    config.hook.pytest_deselected(items=exhaustive)
    items[:] = [item for item in items if item not in set(exhaustive)]


@pytest.fixture(scope="session")
def lab_of_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Return the lab of this worker. Ask for running_lab or a controller, which bring it to its first state."""
    with start_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def running_lab(lab_of_worker: RunningLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningLab]:
    """Return the lab in its first state, with its environment. Files of a user go to a home folder of the test.

    No secret may be left in there, or on an instance, when the test has ended.
    """
    lab_of_worker.control("POST", "reset")
    for name, value in {**lab_of_worker.environment, **homes(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    with no_secret_left((tmp_path / "home").resolve(), lab_of_worker.homes_of_instances):
        yield lab_of_worker


@pytest.fixture
def controller(running_lab: RunningLab, tmp_path: Path) -> Iterator[Controller]:
    """Return a folder to run ansible-playbook in, beside the lab in its first state."""
    controller = Controller(running_lab, tmp_path)
    yield controller
    controller.end()


@pytest.fixture(scope="module")
def module_controller(lab_of_worker: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """Return the same for a run that all tests of a file look at: no test of that file asks for running_lab."""
    lab_of_worker.control("POST", "reset")
    folder = tmp_path_factory.mktemp("controller")
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in {**lab_of_worker.environment, **homes(folder)}.items():
            monkeypatch.setenv(name, value)
        with no_secret_left((folder / "home").resolve(), lab_of_worker.homes_of_instances):
            controller = Controller(lab_of_worker, folder)
            yield controller
            controller.end()


def homes(folder: Path) -> dict[str, str]:
    """Return the environment of a user whose files are all in a home folder of the test.

    It is ``folder/home``, a link to a folder with a short path: the path of a socket has at most 107 bytes, and ssh and
    ansible-core have theirs below HOME and TMPDIR. ANSIBLE_REMOTE_TEMP, ANSIBLE_ASYNC_DIR: every host of the lab is
    this machine, whose user has another home folder in the password file.
    """
    link = folder / "home"
    if not link.exists():
        link.symlink_to(tempfile.mkdtemp(prefix="h-"))
    home = link.resolve()
    for name in ("tmp", "cache"):
        (home / name).mkdir(exist_ok=True)
    return {
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "ANSIBLE_REMOTE_TEMP": str(home / "remote_tmp"),
        "ANSIBLE_ASYNC_DIR": str(home / "async"),
    }
