# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx's configuration for ``make docs``.

It says what ``antsibull-docs sphinx-init`` would write, apart from links into Ansible's own documentation: those are
made here, so that no other site has to answer while ours is built.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "sshkeys.aws"
project_copyright = "sshkeys.aws contributors"
html_title = "sshkeys.aws"
html_short_title = html_title

extensions = ["sphinx_antsibull_ext", "sphinx_copybutton"]
default_role = "any"
nitpicky = True

pygments_style = "a11y-light"
pygments_dark_style = "a11y-dark"
highlight_language = "YAML+Jinja"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["docsite.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_theme_options: dict[str, list[str]] = {"top_of_page_buttons": []}
# docsite.css has the colors of the tables, for the light and the dark theme.
antsibull_ext_color_scheme = "none"
# What programs print is no code to copy.
copybutton_selector = "div:not(.highlight-text):not(.highlight-none) > div.highlight > pre"
# A command is copied without its prompt, and what it prints is not copied.
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"

_ANSIBLE_DOCS = "https://docs.ansible.com/projects/ansible/latest/"

# Labels of Ansible's documentation that the generated pages refer to: the title and the page of each.
_LABELS = {
    "action_plugins": ("Action plugins", "plugins/action.html"),
    "ansible_configuration_settings": ("Ansible Configuration Settings", "reference_appendices/config.html"),
    "common_return_values": ("Return Values", "reference_appendices/common_return_values.html"),
}
# Such as ansible_collections.amazon.aws.aws_ec2_inventory, for what is not in this collection.
_PLUGIN_LABEL = re.compile(r"ansible_collections\.(?!sshkeys\.aws\.)(\w+)\.(\w+)\.(\w+)")


def _link_to_ansible(
    _app: Sphinx, _env: object, node: nodes.Element, content: nodes.TextElement
) -> nodes.reference | None:
    """Resolve a reference into Ansible's documentation. Handles Sphinx's missing-reference event."""
    label = node["reftarget"]
    if label in _LABELS:
        title, page = _LABELS[label]
    elif plugin := _PLUGIN_LABEL.fullmatch(label):
        namespace, collection, name = plugin.groups()
        title, page = name, f"collections/{namespace}/{collection}/{name}.html"
    elif node["reftype"] == "envvar":
        # Those of the plugins of this collection are found in its own pages.
        title, page = label, f"reference_appendices/config.html#envvar-{label}"
    else:
        return None
    text = content if node.get("refexplicit") else nodes.inline("", title)
    return nodes.reference("", "", text, internal=False, refuri=_ANSIBLE_DOCS + page)


def _drop_contents(_app: Sphinx, doctree: nodes.document) -> None:
    """Take the table of contents out of a page: the theme has one beside it. Handles Sphinx's doctree-read event."""
    for topic in list(doctree.findall(nodes.topic)):
        if "contents" in topic["classes"]:
            topic.parent.remove(topic)
    for title in doctree.findall(nodes.title):
        # It leads back to the table of contents.
        title.attributes.pop("refid", None)


def setup(app: Sphinx) -> None:
    """Register what is not a setting."""
    app.connect("doctree-read", _drop_contents)
    app.connect("missing-reference", _link_to_ansible)
