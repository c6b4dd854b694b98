# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file for OpenSSH by which ssh reaches the hosts of an inventory by hand. Pure."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils import _ssh_options
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import refusals
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host_options import for_ssh
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.user_host import UserHost

_HEADER = """\
# Written by the playbook sshkeys.aws.ssh_config, which overwrites changes.
# It has no secret. The AWS credentials are those of the shell that ssh runs in.
# It names Python and the collection by their paths. If they move, run the playbook again.
"""
# The first line of a file of ours.
_FIRST_LINE = _HEADER.partition("\n")[0]
# What needs no quotes.
_PLAIN = re.compile(r"[\w./+@$-]+")
# Patterns of ssh_config(5), what begins a comment, and tokens.
_NOT_IN_A_PATTERN = frozenset("*?!#%")
# What ends the quotes around %r in the ProxyCommand, what an older ssh cannot escape, and what a newer one expands:
# User has tokens and variables since OpenSSH 10.1. ssh does not look at a user name that stands in a file (ssh.c).
_NOT_IN_A_USER = re.compile(r"""['"%]|\$\{|\\$""")
# What a pattern of Include cannot hold: characters of glob(3), quotes, and what OpenSSH 9.9 and later expand.
_NOT_IN_AN_INCLUDE = re.compile(r"""["'\\*?\[\]%]|\$\{""")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PORTS = range(1, 65_536)


class Program(NamedTuple):
    """The ProxyCommand: the Python that runs it, the path of user_proxy_command.py, and the paths of collections."""

    python: str
    path: str
    collection_paths: Sequence[str]


class HostBlock(NamedTuple):
    """A host in the file. names: those that ssh takes for it. user, port: those of the inventory, if it has them."""

    names: Sequence[str]
    host: UserHost
    user: str | None
    port: int | None


def is_name(name: str) -> bool:
    """Return whether a name of the inventory can be one in the file, and on the command line of ssh, sftp and scp."""
    # ssh takes a "=" after the keyword for its own.
    is_a_name = _ssh_options.name_for_ssh(name, "") == name != "" and not name.startswith("=")
    return is_a_name and _NOT_IN_A_PATTERN.isdisjoint(name)


def refusal(user: str | None, port: int | None) -> str:
    """Return why the file cannot hold a user or a port of a host, as a sentence; an empty text if it can."""
    if user and (_NOT_IN_A_USER.search(user) or _CONTROL.search(user)):
        return refusals.user(user)
    if port and port not in _PORTS:
        return refusals.port(port)
    return ""


def render(blocks: Sequence[HostBlock], program: Program) -> str:
    """Return the file. Raises UnusablePathError for a path that no option of ssh can hold.

    The hosts have a ``refusal`` no more.
    """
    return "\n".join([_HEADER, *(_block(block, program) for block in blocks)])


def _block(block: HostBlock, program: Program) -> str:
    host = block.host
    told = for_ssh(
        host.instance_id,
        tunnel=host.tunnel,
        host_keys=host.host_keys,
        known_hosts=_ssh_options.quoted(host.known_hosts, expands=False),
        identity_file=_ssh_options.quoted(host.identity_file),
    )
    named = {
        **({"User": _word(block.user)} if block.user else {}),
        **({"Port": str(block.port)} if block.port else {}),
    }
    arguments = [program.python, "-I", "-S", program.path]
    given = _ssh_options.proxy_command([":".join(program.collection_paths), *host.words()])
    # ssh replaces the tokens, and takes no user name with a quote from its command line since 9.6 (CVE-2023-51385).
    command = f"{_ssh_options.proxy_command(arguments)} '%r' '%p' {given}"
    way = {"ProxyUseFdpass": "yes", "ProxyCommand": command}
    options = {**named, **told, **way}
    if any(map(_CONTROL.search, options.values())):
        raise _ssh_options.UnusablePathError(
            "contains a control character, such as a line break. Use a path without it."
        )
    lines = (f"    {keyword} {value}\n" for keyword, value in options.items())
    return f"Host {' '.join(block.names)}\n{''.join(lines)}"


def _word(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else _ssh_options.quoted(value, expands=False)


def is_ours(text: str) -> bool:
    """Return whether a file was written by ``render``, or is empty."""
    return not text.strip() or text.startswith(_FIRST_LINE)


def include_line(path: str, home: str) -> str:
    """Return the line for ~/.ssh/config. path: of the file, absolute. home: the home folder of the user.

    Raises UnusablePathError if ssh would take it for another path.
    """
    folder = os.path.join(home, ".ssh", "")
    # ssh takes a relative path from ~/.ssh (ssh_config(5), Include).
    short = path[len(folder) :] if path.startswith(folder) and not path.startswith(f"{folder}~") else path
    if _NOT_IN_AN_INCLUDE.search(short) or _CONTROL.search(short):
        raise _ssh_options.UnusablePathError(
            "contains a quotation mark, a backslash, '%', '${' or a character of a pattern, which an Include of ssh "
            "cannot hold. Choose another path."
        )
    return f"Include {_word(short)}"


def says(
    path: str,
    blocks: Sequence[HostBlock] | None,
    left_out: Sequence[Mapping[str, str]],
    include: str,
    *,
    included: bool,
) -> list[str]:
    """Return what the user is told, as sentences.

    blocks: the hosts in the file, None if it is to be absent. left_out: hosts and reasons. include: the line for
    ~/.ssh/config. included: whether it is there.
    """
    if blocks is None:
        gone = f"{path} is gone. The process that made its connections ends when it has been idle, and its key with it."
        return [gone, *([f"Delete this line from ~/.ssh/config: {include}"] if included else [])]
    count = "1 host" if len(blocks) == 1 else f"{len(blocks)} hosts"
    told = [f"ssh finds {count} in {path}.", *(f"Left out: {each['host']}. {each['reason']}" for each in left_out)]
    if not included:
        told.append(f"Add this line at the top of ~/.ssh/config: {include}")
    elif blocks:
        told.append(f"~/.ssh/config includes it. Try: ssh {blocks[0].names[0]}")
    return told


# As OpenSSH reads a line (strdelim in misc.c). A keyword may have quotes.
_KEYWORD = re.compile(r"""[ \t\r]*"?([A-Za-z]+)"?(?:[ \t\r]*=[ \t\r]*|[ \t\r]+)(.*)""")
# A word that is not escaped, or a comment (argv_split in misc.c).
_WORD = re.compile(r"""\s*(?:(#.*)|"([^"\\]*)"|'([^'\\]*)'|([^\s"'\\]+))(?=\s|$)""")


def is_included(config: str, path: str, home: str) -> bool:
    """Return whether a configuration of ssh includes a file for every host: before its first Host and Match block.

    It may say False of an Include that is written in an unusual way. config: the text of ~/.ssh/config. path, home: as
    for ``include_line``.
    """
    for line in config.split("\n"):
        found = _KEYWORD.match(line)
        keyword = found[1].lower() if found else ""
        if keyword in ("host", "match"):
            return False
        if found and keyword == "include" and any(_matches(path, word, home) for word in _words(found[2])):
            return True
    return False


def _words(text: str) -> Iterator[str]:
    """Yield the words of a line up to a comment, or to a word with escapes."""
    found = _WORD.match(text)
    while found and not found[1]:
        yield found[2] or found[3] or found[4] or ""
        found = _WORD.match(text, found.end())


def _matches(path: str, pattern: str, home: str) -> bool:
    """Return whether a pattern of Include is one of a path, as glob(3) takes it: a "*" matches no "/"."""
    if "%" in pattern or "${" in pattern:
        return False
    base = glob.escape(home)
    if pattern.startswith("~/"):
        pattern = os.path.join(base, pattern[2:])
    parts = os.path.normpath(os.path.join(base, ".ssh", pattern)).split("/")
    of_path = path.split("/")
    return len(parts) == len(of_path) and all(
        fnmatch.fnmatchcase(name, part) and (not name.startswith(".") or part.startswith("."))
        for name, part in zip(of_path, parts)
    )
