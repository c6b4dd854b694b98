# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures and defaults in the guides and the READMEs are those of the collection."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
import yaml
from ansible_collections.sshkeys.aws.plugins.connection import ec2_instance_connect as connection
from ansible_collections.sshkeys.aws.plugins.module_utils import _ways
from ansible_collections.sshkeys.aws.plugins.module_utils._push import plan
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import audit_keys
from ansible_collections.sshkeys.aws.plugins.modules import ec2_instance_connect_key, transfer_ssh_key
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _action
from ansible_collections.sshkeys.aws.tests.bench import report
from ansible_collections.sshkeys.aws.tests.guides.guides import FOLDER, ROOT

PUSH = ec2_instance_connect_key.OPTIONS
CONNECTION = yaml.safe_load(connection.DOCUMENTATION)["options"]


@cache
def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


ROLE = read("roles/ssh_access/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
(AUDIT,) = read("playbooks/transfer_audit.yml")
LOWEST_CORE = read("meta/runtime.yml")["requires_ansible"].removeprefix(">=").removesuffix(".0")

# A page, and what stands there.
FIGURES = [
    ("README.md", f"with a key that AWS accepts for {plan.KEY_LIFETIME} seconds"),
    ("roles/ssh_access/README.md", f"with a key that lives for {plan.KEY_LIFETIME} seconds"),
    ("guide_getting_started.rst", f"ansible-core {LOWEST_CORE} or later"),
    ("guide_fleet.rst", f"``concurrency`` calls at a time, {PUSH['concurrency']['default']} unless you say otherwise"),
    ("guide_fleet.rst", f"seconds more, {PUSH['min_validity']['default']} unless you say otherwise"),
    ("guide_fleet.rst", f"After {plan.KEY_LIFETIME - PUSH['min_validity']['default']} seconds a new run pushes"),
    ("guide_connection.rst", f"``ansible_ec2_instance_connect_tunnel`` is ``{CONNECTION['tunnel']['default']}`` by d"),
    ("guide_transfer.rst", f"RSA with less than {audit_keys._RSA_BITS_AT_LEAST} bits"),
]


@pytest.mark.parametrize(("page", "figure"), FIGURES)
def test_page_has_the_figure(page: str, figure: str) -> None:
    path = FOLDER / page if page.endswith(".rst") else ROOT / page
    assert figure in path.read_text(encoding="utf-8")


def test_the_role_has_the_defaults_of_the_module() -> None:
    for name in ("min_validity", "concurrency"):
        assert ROLE[f"ssh_access_{name}"]["default"] == PUSH[name]["default"]


def test_servers_of_the_role_are_exclusive_and_the_module_is_not() -> None:
    # "servers are *exclusive* unless you say ``exclusive: false``", and the module is not "unless you say so".
    assert ROLE["ssh_access_transfer_servers"]["options"]["exclusive"]["default"] is True
    assert transfer_ssh_key.SPEC.options["exclusive"]["default"] is False


def test_check_mode_of_the_role_pushes_nothing_unless_it_is_told_to() -> None:
    assert ROLE["ssh_access_connect_in_check_mode"]["default"] is False


def test_audit_calls_a_key_old_after_90_days_and_writes_its_report_to_the_current_folder() -> None:
    """The guide says so: "The report is ``transfer-audit.html`` in the current folder", "more than 90 days"."""
    guide = (FOLDER / "guide_transfer.rst").read_text(encoding="utf-8")
    request = str(AUDIT["vars"])
    for words, default in (
        ("more than 90 days, or ``max_key_age_days``", "max_key_age_days | default(90)"),
        ("The report is ``transfer-audit.html``", "report_file | default('transfer-audit.html')"),
    ):
        assert words in guide
        assert default in request


def test_the_drawing_of_the_benchmark_is_to_scale_and_says_what_the_guide_says() -> None:
    guide = (FOLDER / "guide_fleet.rst").read_text(encoding="utf-8")
    drawing = (FOLDER / "images" / "bench.svg").read_text(encoding="utf-8")
    (alt,) = re.findall(r"images/bench\.svg\n +:alt: (.*)", guide)
    widths = [float(width) for width in re.findall(r'class="(?:ours|theirs)" .*width="([\d.]+)"', drawing)]
    seconds = [float(figure) for figure in re.findall(r">([\d.]+) s\b", drawing)]
    times = re.findall(r", ([\d.]+ times as long)</text>", drawing)
    assert len(seconds) == len(widths) == 3
    for width, figure in zip(widths, seconds, strict=True):
        assert width / widths[-1] == pytest.approx(figure / seconds[-1], abs=1e-4)
    for figure in seconds:
        assert f"{figure:g} seconds" in alt
        assert f"{figure:g} seconds" in guide.replace(alt, "")
    assert times == [f"{seconds[1] / seconds[0]:.0f} times as long", f"{seconds[2] / seconds[0]:.0f} times as long"]
    assert all(each in guide for each in times)
    # What the bench draws of these figures is the drawing.
    names = re.findall(r'<text x="12" y="\d+">(?![\d.]+ s)(.*)</text>', drawing)
    (title,) = re.findall(r"<title[^>]*>(.*)</title>", drawing)
    bars = [(name, report.Sample((figure,))) for name, figure in zip(names, seconds, strict=True)]
    assert report.chart(bars, title) == drawing


def test_the_drawing_says_what_was_extrapolated() -> None:
    bars = [("ours", report.Sample((2.0,))), ("theirs", report.Sample((1.0,), extrapolated_by=100.0))]
    drawing = report.chart(bars, "A < B")
    assert ">2 s</text>" in drawing
    assert ">100 s (extrapolated), 50 times as long</text>" in drawing
    assert '<desc id="desc">ours: 2 s; theirs: 100 s (extrapolated), 50 times as long</desc>' in drawing
    assert "A &lt; B" in drawing


def test_a_worker_is_silent_for_as_long_as_the_guide_says() -> None:
    assert "after five seconds, and then from time to time" in (FOLDER / "guide_fleet.rst").read_text(encoding="utf-8")
    assert _action._FIRST_SILENCE_SECONDS == 5


def test_endpoints_reach_the_ports_that_the_sentence_names() -> None:
    page = (FOLDER / "guide_troubleshooting.rst").read_text(encoding="utf-8")
    assert f"connects only to the ports {' and '.join(map(str, _ways.PORTS_OF_ENDPOINTS))}." in page


def test_one_group_of_module_defaults_reaches_every_module_that_calls_aws() -> None:
    group = {name for name in read("meta/runtime.yml")["action_groups"]["aws"] if isinstance(name, str)}
    calling = {
        path.stem
        for path in (ROOT / "plugins" / "modules").glob("*.py")
        if "amazon.aws.common.modules" in path.read_text(encoding="utf-8")
    }
    assert calling
    # The role hands its options on to an action of its own.
    assert group == calling | {"ssh_access_apply"}
