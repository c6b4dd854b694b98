# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The report that a module's function returns to its entry. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Sequence


class Region(NamedTuple):
    """A region, and the source of its name, such as ``the option region``."""

    name: str
    source: str

    def __str__(self) -> str:
        return f"{self.name}, from {self.source}"


@dataclass(frozen=True)
class Report:
    """The result of a run.

    result: the values that the module returns, as its RETURN documents them.
    warnings: sentences for the user.
    failure: a sentence if the run failed, otherwise None. The result is still there, with all that was done.
    """

    result: dict[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    failure: str | None = None


def count_and_name(failed: Sequence[tuple[str, object]], total: int, things: str, region: Region | None) -> str:
    """Put the failures of a run over many things into one sentence that counts and names them.

    failed: (name, error) of each thing that failed; at least one.
    things: their name in the plural, such as "targets". region: their region, None if unknown.
    """
    where = in_region(region)
    named = " ".join(f"{name}: {error}" for name, error in failed[:_NAMED_AT_MOST])
    if total == 1:
        return f"{named}{where}"
    more = len(failed) - _NAMED_AT_MOST
    rest = f" And {more} more: see {things} in the result." if more > 0 else ""
    return f"{len(failed)} of {total} {things} failed: {named}{rest}{where}"


def in_region(region: Region | None) -> str:
    """Return a failure's last sentence, which names the region, with a blank before it; empty without a region."""
    return f" The region was {region}." if region else ""


# For the name of an option.
EMPTY_LIST = "{} is an empty list, so there is nothing to do, and no call was made to AWS. This is not an error."

# If a whole fleet fails, the same sentence must not fill the screen a thousand times.
_NAMED_AT_MOST = 10
