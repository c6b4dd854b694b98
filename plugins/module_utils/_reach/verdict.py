# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether something is open, with the reasons. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Sequence


@dataclass(frozen=True)
class Verdict:
    """Whether something is open.

    is_open: None where that cannot be known. reasons: sentences that say why it is not open, or why it is not known.
    notes: sentences that limit what is said, or that help.
    """

    is_open: bool | None
    reasons: Sequence[str] = ()
    notes: Sequence[str] = ()

    def result(self) -> dict[str, object]:
        """Return it as a module returns it."""
        return {"is_open": self.is_open, "reasons": list(self.reasons), "notes": list(self.notes)}


OPEN = Verdict(True)


def closed(*reasons: str) -> Verdict:
    """Return the verdict for what is closed."""
    return Verdict(False, reasons)


def unknown(*reasons: str) -> Verdict:
    """Return the verdict for what cannot be known."""
    return Verdict(None, reasons)


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict for what needs all of these to be open, with each sentence once."""
    several = list(verdicts)
    states = [each.is_open for each in several]
    is_open = False if False in states else None if None in states else True
    return Verdict(is_open, _once(each.reasons for each in several), _once(each.notes for each in several))


def _once(sentences: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence for each in sentences for sentence in each))
