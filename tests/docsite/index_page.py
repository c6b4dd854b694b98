# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists of the first page and of the sidebar: the guides by task, and the reference. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

# Modules of which a user sees nothing but what the role or a playbook makes of them.
_PARTS = ("ssh_access_*", "transfer_rotate_key_pair")
# Plugins that the role and the playbooks use, and nobody else has a reason to.
_KINDS_OF_PARTS = ("filter", "lookup")
_REPOSITORY = "https://github.com/sshkeys-aws/sshkeys.aws"
_GALAXY = "https://galaxy.ansible.com/ui/repo/published/sshkeys/aws/"


@dataclass(frozen=True)
class Entry:
    """Something that has a page: its kind (module, connection, role, playbook, filter, lookup), name and summary."""

    kind: str
    name: str
    summary: str

    @property
    def page(self) -> str:
        """The name of the page, without an ending. antsibull-docs names its pages so."""
        return f"{self.name}_{self.kind}"

    @property
    def is_part(self) -> bool:
        """Whether it is a part of the role or of a playbook."""
        return self.kind in _KINDS_OF_PARTS or (
            self.kind == "module" and any(fnmatch(self.name, pattern) for pattern in _PARTS)
        )


def guides(sections: Sequence[Mapping[str, object]], texts: Mapping[str, str]) -> str:
    """Return the groups of the guides, with the first sentence of each guide.

    sections: those of extra-docs.yml. texts: the guides, by name.
    """
    lines = [*_heading("Guides", "-")]
    for section in sections:
        title, names = str(section["title"]), section["toctree"]
        assert isinstance(names, list)
        lines += _heading(title, "~")
        lines += [f"- :doc:`docsite/{name}`: {first_sentence(texts[name])}" for name in names]
        lines += ["", *_toctree(title, (f"docsite/{name}" for name in names))]
    return "\n".join(lines)


def first_sentence(guide: str) -> str:
    """Return the first sentence of a guide: of the paragraph under its title."""
    found = re.search(r"^=+\n\n(.+?)(?:\n\n|\Z)", guide, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError("There is no paragraph under the title of a guide.")
    paragraph = " ".join(found[1].split())
    return re.split(r"(?<=[.:])\s", paragraph, maxsplit=1)[0].removesuffix(":")


def reference(entries: Iterable[Entry]) -> str:
    """Return the list of what users use, and the last groups of the sidebar."""
    used = sorted((entry for entry in entries if not entry.is_part), key=lambda entry: entry.name)
    lines = [*_heading("Reference", "-")]
    for title, kinds in (("Connection and role", ("connection", "role")), ("Modules", ("module",))):
        lines += _group(title, [entry for kind in kinds for entry in used if entry.kind == kind])
    lines += _group("Playbooks", [entry for entry in used if entry.kind == "playbook"])
    lines += _toctree(
        "More",
        (
            "Environment variables <environment_variables>",
            "Parts of the role and the playbooks <parts>",
            "Changelog <changelog>",
            f"GitHub <{_REPOSITORY}>",
            f"Ansible Galaxy <{_GALAXY}>",
        ),
    )
    return "\n".join(lines)


def parts(entries: Iterable[Entry]) -> str:
    """Return the page of what the role and the playbooks are made of."""
    inside = sorted((entry for entry in entries if entry.is_part), key=lambda entry: entry.name)
    title = "Parts of the role and the playbooks"
    return "\n".join(
        [
            *_heading(title, "="),
            "The role and the playbooks are made of these. You need none of them in a playbook of your own.",
            "",
            *(_bullet(entry) for entry in inside),
            "",
            *_toctree("", (f"{entry.name} <{entry.page}>" for entry in inside)),
        ]
    )


def _group(title: str, entries: Sequence[Entry]) -> Iterator[str]:
    yield from _heading(title, "~")
    yield from map(_bullet, entries)
    yield ""
    yield from _toctree(title, (f"{entry.name} <{entry.page}>" for entry in entries))


def _bullet(entry: Entry) -> str:
    return f"- :doc:`{entry.name} <{entry.page}>` ({entry.kind}): {entry.summary}"


def _heading(title: str, mark: str) -> Iterator[str]:
    yield from (title, mark * len(title), "")


def _toctree(caption: str, pages: Iterable[str]) -> Iterator[str]:
    yield from (".. toctree::", "   :hidden:", "   :maxdepth: 1")
    if caption:
        yield f"   :caption: {caption}"
    yield ""
    yield from (f"   {page}" for page in pages)
    yield ""
