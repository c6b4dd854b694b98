# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball has in it what a user needs, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.package.packages import REPOSITORY, STAGED, Tarball, build, keep

# What is part of the collection. All other files of the repository are for those who work on it: a new folder of that
# kind belongs into build_ignore of galaxy.yml, and a new file below these folders into the tarball.
SHIPPED = re.compile(
    r"""
    (?:
        (?:LICENSES|meta|playbooks|plugins|roles)/.+
      | docs/docsite/.+          # docs.ansible.com builds its pages from what Galaxy has
      | extensions/(?!molecule/).+  # eda and audit are for users; molecule's scenarios need tests/lab
      | changelogs/changelog\.yaml
      | CHANGELOG\.rst | COPYING | README\.md
    )
    """,
    re.VERBOSE,
)

# What ansible-galaxy writes in place of galaxy.yml.
WRITTEN = {"FILES.json", "MANIFEST.json"}


def expected(files: list[str]) -> set[str]:
    return {name for name in files if SHIPPED.fullmatch(name)} | WRITTEN


def test_tarball_has_what_is_part_of_the_collection_and_nothing_else(
    tarball: Tarball, collection_files: list[str]
) -> None:
    assert tarball.files - expected(collection_files) == set(), "not for users: see build_ignore in galaxy.yml"
    assert expected(collection_files) - tarball.files == set(), "missing: see build_ignore in galaxy.yml"


def test_tarball_has_every_plugin_role_and_playbook(tarball: Tarball) -> None:
    # By what is on disk, so that a rule above that is wrong does not hide a file.
    for pattern in ("plugins/*/[!_]*.py", "roles/*/tasks/*.yml", "playbooks/*.yml"):
        there = {str(path.relative_to(STAGED)) for path in STAGED.glob(pattern)}
        assert there <= tarball.files
    assert "plugins/modules/ec2_instance_connect_key.py" in tarball.files


@pytest.mark.parametrize("name", ["README.md", "COPYING", "CHANGELOG.rst", "meta/runtime.yml"])
def test_tarball_has_what_galaxy_and_readers_look_for(tarball: Tarball, name: str) -> None:
    assert name in tarball.files


def test_nothing_in_the_tarball_is_for_developers(tarball: Tarball) -> None:
    parts = {part for name in tarball.files for part in Path(name).parts}
    assert not {part for part in parts if part.startswith(".")}
    assert not parts & {"tests", "molecule", "fragments", "__pycache__", "Makefile"}


def litter(root: Path) -> set[str]:
    """Put a file where git ignores one, for each line of .gitignore, and return their names."""
    lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    names = set()
    for pattern in (line for line in lines if line and not line.startswith("#")):
        top, name = pattern.startswith("/"), pattern.strip("/").replace("*", "litter")
        name = f"{name}/litter" if pattern.endswith("/") else name
        names |= {name} if top or "/" in pattern.rstrip("/") else {name, f"plugins/modules/{name}"}
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("litter\n", encoding="utf-8")
    return names


def test_tarball_built_in_a_used_checkout_is_the_same(tarball: Tarball, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(STAGED, checkout, ignore=shutil.ignore_patterns("output"), symlinks=True)
    assert {".venv/litter", "plugins/modules/litter.pyc", "litter.tar.gz"} <= litter(checkout)
    assert build(checkout, tmp_path / "built").files == tarball.files


def test_the_tarball_is_kept_for_the_release_and_nothing_else_is(tarball: Tarball, tmp_path: Path) -> None:
    # As the release takes it: .github/workflows/release.yml.
    kept = Path(os.environ["CHECKOUT"], ".build/package")
    assert [path.name for path in kept.glob("sshkeys-aws-*.tar.gz")] == [tarball.path.name]
    for name in ("sshkeys-aws-0.0.1.tar.gz", tarball.path.name):
        (tmp_path / name).write_text("an old one", encoding="utf-8")
    keep(tarball, tmp_path)
    (only,) = tmp_path.iterdir()
    assert only.name == tarball.path.name
    assert only.read_bytes() == tarball.path.read_bytes()


def test_a_new_folder_is_noticed(tarball: Tarball, collection_files: list[str]) -> None:
    assert not {"scratch/notes.txt", ".newtool.yml", "docs/plan.md"} & expected(
        [*collection_files, "scratch/notes.txt", ".newtool.yml", "docs/plan.md"]
    )
    assert "plugins/lookup/new.py" in expected(["plugins/lookup/new.py"])


# -- Where its links lead ----------------------------------------------------------------------------------------------


def read(tarball: Tarball, name: str) -> str:
    """Return the text of a file in the tarball."""
    with tarfile.open(tarball.path) as archive:
        file = archive.extractfile(name)
        assert file
        return file.read().decode()


def test_links_into_the_repository_lead_to_the_tag_of_the_version(tarball: Tarball) -> None:
    pages = [name for name in tarball.files if re.fullmatch(r"README\.md|docs/.+\.rst|roles/[^/]+/README\.md", name)]
    text = "".join(read(tarball, name) for name in pages) + tarball.about["documentation"]
    tags = re.findall(rf"{re.escape(REPOSITORY)}/(?:blob|tree)/([^/]+)/", text)
    assert len(tags) > len(list(STAGED.glob("docs/docsite/rst/*.rst")))
    assert set(tags) == {f"v{tarball.about['version']}"}


def test_the_readme_has_no_link_that_only_the_repository_understands(tarball: Tarball) -> None:
    # Galaxy shows it on a page of its own.
    targets = re.findall(r"\]\(([^)]+)\)", read(tarball, "README.md"))
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []


# -- What Galaxy shows ------------------------------------------------------------------------------------------------


def test_galaxy_is_told_everything_that_it_shows(tarball: Tarball) -> None:
    shown = {
        *("namespace", "name", "version", "authors", "readme", "tags", "description", "license"),
        *("dependencies", "repository", "documentation", "homepage", "issues"),
    }
    assert {field for field in shown if not tarball.about.get(field)} == set()
    assert tarball.path.name == f"sshkeys-aws-{tarball.about['version']}.tar.gz"


def test_galaxy_takes_the_tags(tarball: Tarball) -> None:
    # Galaxy's importer refuses a collection that has none of these.
    of_galaxy = {
        *("application", "cloud", "database", "eda", "infrastructure", "linux", "monitoring", "networking"),
        *("security", "storage", "tools", "windows"),
    }
    tags = tarball.about["tags"]
    assert of_galaxy & set(tags)
    assert len(tags) <= 20
    assert [tag for tag in tags if not re.fullmatch(r"[a-z0-9]+", tag)] == []


def test_dependencies_have_a_lower_bound_and_no_upper_one(tarball: Tarball) -> None:
    assert tarball.about["dependencies"] == {"amazon.aws": ">=9.0.0"}


def test_supported_ansible_is_said(tarball: Tarball) -> None:
    runtime = yaml.safe_load((STAGED / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == ">=2.18.0"
