# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook transfer_audit, as a user runs it: what is on the screen, in the report, and in the exit status.

A few runs serve all tests. The playbook is for localhost, and an inventory may have a group of that name: each of its
hosts is a case.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.audit_report import Bar, Report, read_report
from ansible_collections.sshkeys.aws.tests.unit.audit_results import (
    DENIED,
    audited,
    described,
    key,
    lost,
    server,
    unread,
    user,
)
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of, rsa_line, truth_about

PLAYBOOK = "sshkeys.aws.transfer_audit"
TEMPLATE = Path(__file__).parents[2] / "playbooks" / "templates" / "transfer_audit.html.j2"
NO_SERVER = "s-00000000000000000"
NO_NUMBER = "\N{EN DASH}"
YESTERDAY = "yesterday's report\n"
CONTROL_CHARACTERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]")


def made_up(number: int, comment: str) -> str:
    return line_of(ed25519_blob(bytes([number]) * 32), comment)


ALICE, ERIN = made_up(1, "alice@laptop"), made_up(2, "erin@laptop")
WEAK, STRONG = (f"{rsa_line(bits)} rsa-{bits}@laptop" for bits in (1024, 2048))
FINGERPRINT = {name: truth_about(line)[0].fingerprint for name, line in (("alice", ALICE), ("erin", ERIN))}
COMMENTS = {
    "tags": "<script>alert(1)</script></td></table>",
    "quotes": "\"quoted\" 'twice' back\\slash & &amp; ]]>",
    "expression": "{{ 7 * 191 }}",
    "statement": "{% set x = 1 %}{# x #}",
    "data": '{"a": 1}',
    "foreign": "Zoë 日本語 שלום",
}
UNSAFE_COMMENT = "\x1b[31mred\a \u202elru\u202c \u200fmark"


def held_for(days: int, body: str) -> dict[str, object]:
    """Return a key that a user has had for exactly so many days, and a minute."""
    return {"body": body, "date_imported": time.time() - days * 86400 - 60}


@dataclass(frozen=True)
class Audits:
    """A run for several cases: what it has sent, and the reports that stand then, by case."""

    run: Run
    calls: list[dict[str, Any]]
    reports: Mapping[str, str]

    def table(self, case: str) -> list[str]:
        """Return the lines of the table on the screen."""
        lines: list[str] = self.run.of("Show who has which key", case)["msg"]
        return lines

    def end(self, case: str) -> list[str]:
        """Return what is said at the end."""
        lines: list[str] = self.run.of("Sum up", case)["msg"]
        return lines

    def failure(self, case: str) -> str:
        """Return why the playbook fails, empty where it does not."""
        name = "Fail if something could not be read, or if there is a remark that fail_on names"
        (end,) = self.run.all_of(name, case)
        return str(end.result["msg"]) if end.status == "failed" else ""

    def page(self, case: str) -> Report:
        """Return the report."""
        return read_report(self.reports[case])


class Account:
    """Two servers, of which the first has seven users, and the reports about them."""

    def __init__(self, controller: Controller) -> None:
        """Give the users of both servers keys."""
        self.controller, self.lab = controller, controller.lab
        self.other_server = str(self.lab.lab["transfer"]["empty_server"])
        self._hold("partner", held_for(12, ALICE), held_for(400, WEAK))
        self._hold("auditor", held_for(100, ALICE.replace("alice@laptop", "the same")), held_for(90, ERIN))
        self._hold("nightly", held_for(91, STRONG))
        for name in ("guest", "twin", "guarded"):
            self.lab.control("POST", "transfer/users", user_name=name, server_id=self.other_server)
        odd = [*COMMENTS.values(), UNSAFE_COMMENT, "x" * 10000]
        lines = [made_up(number, comment) for number, comment in enumerate(odd, start=10)]
        self._hold("guest", *lines, "nonsense <b>", server_id=self.other_server)
        self._hold("twin", made_up(10, "a twin"), server_id=self.other_server)

    def _hold(self, name: str, *keys: object, **more: object) -> None:
        self.lab.control("PUT", f"transfer/users/{name}", keys=keys, **more)

    def report(self, case: str) -> Path:
        """Return where the report of a case goes: for everyone, where it goes unless a variable names a file."""
        return Path(self.controller.folder, "transfer-audit.html" if case == "everyone" else f"{case}.html")

    def audit(self, cases: Mapping[str, Mapping[str, object]], *arguments: str, **environment: str) -> Audits:
        """Run the playbook for all cases."""
        hosts = {case: {"report_file": str(self.report(case)), **variables} for case, variables in cases.items()}
        if "everyone" in hosts:
            del hosts["everyone"]["report_file"]
        self.lab.control("DELETE", "requests")
        run = self.controller.run(
            PLAYBOOK, *arguments, inventory={"localhost": {"hosts": hosts}}, environment=environment
        )
        there = {case: self.report(case) for case in cases if self.report(case).exists()}
        return Audits(run, self.lab.requests(), {case: path.read_text("utf-8") for case, path in there.items()})


def denied(server_id: str, code: str, message: str, **match: str) -> list[dict[str, object]]:
    """Return the faults of a server that refuses to be read."""
    fault = {"fault": "error", "code": code, "message": message, "status": 400, "times": None}
    return [
        {**fault, "operation": operation, "match": {"ServerId": server_id, **match}}
        for operation in ("ListUsers", "DescribeUser")
        if operation == "DescribeUser" or not match
    ]


@pytest.fixture(scope="module")
def account(module_controller: Controller) -> Account:
    return Account(module_controller)


# -- Check mode --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def foreseen(account: Account) -> Audits:
    account.report("check-nothing").write_text(YESTERDAY, encoding="utf-8")
    cases = {"check": {"server_id": account.lab.server_id}, "check-nothing": {"server_id": NO_SERVER}}
    return account.audit(cases, "--check")


def test_check_mode_shows_everything_and_writes_no_report(account: Account, foreseen: Audits) -> None:
    assert any(FINGERPRINT["erin"] in line for line in foreseen.table("check"))
    assert f"The report would be written to {account.report('check')}." in foreseen.end("check")
    assert foreseen.run.recap("check")["changed"] == 1
    assert "check" not in foreseen.reports


def test_check_mode_says_too_that_a_report_stays(account: Account, foreseen: Audits) -> None:
    report = account.report("check-nothing")
    assert foreseen.end("check-nothing")[-1] == f"The report {report} stays as it was, because nothing could be read."
    assert foreseen.run.recap("check-nothing") | {"changed": 0, "failed": 1} == foreseen.run.recap("check-nothing")
    assert foreseen.reports["check-nothing"] == YESTERDAY


# -- What there is to say ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def audits(account: Account, foreseen: Audits) -> Audits:
    main, other = account.lab.server_id, account.other_server
    account.lab.misbehave(*denied(other, "AccessDeniedException", "Not <b>allowed</b> & so on.", UserName="guarded"))
    # An earlier report that others could read.
    account.report("everyone").write_text(YESTERDAY, encoding="utf-8")
    account.report("everyone").chmod(0o644)
    cases: dict[str, dict[str, object]] = {
        "everyone": {"server_id": main, "server_ids": "", "user_names": []},
        "odd": {"server_id": other, "user_names": ["guest", "twin"]},
        "unreadable": {"server_ids": [NO_SERVER, other]},
        "one-user": {
            "server_ids": f"{main},{other}",
            "user_names": "partner",
            "max_key_age_days": 399,
            "fail_on": "weak,old,shared",
        },
        "on-the-limit": {
            "server_id": main,
            "user_names": "auditor",
            "max_key_age_days": "100",
            "fail_on": "all",
            "report_file": "",
        },
        "no-region": {"server_id": main, "region": "eu-west-1"},
        **REFUSED,
    }
    # Where it is another day than in UTC.
    zone = "XXX-14" if time.gmtime().tm_hour >= 12 else "XXX+12"
    return account.audit(cases, "--diff", TZ=zone)


def test_each_key_has_a_line_in_the_table(audits: Audits) -> None:
    table = audits.table("everyone")
    fingerprint = re.escape(FINGERPRINT["alice"])
    assert len(table) == 18
    for row in (
        r"archive +- +- +- +- +no key",
        rf"auditor +ssh-ed25519 +256 +100 d +{fingerprint} +the same +old, shared with partner",
        r"auditor +ssh-ed25519 +256 +90 d .* erin@laptop",
        r"nightly +ssh-rsa +2048 +91 d .* rsa-2048@laptop +old",
        rf"partner +ssh-ed25519 +256 +12 d +{fingerprint} +alice@laptop +shared with auditor",
        r"partner +ssh-rsa +1024 +400 d .* rsa-1024@laptop +old, weak",
    ):
        assert len([line for line in table if re.fullmatch(row, line)]) == 1, row


def test_the_columns_are_aligned(audits: Audits) -> None:
    begins = [re.search("SHA256:|FINGERPRINT|- +no key", line) for line in audits.table("everyone")[8:]]
    assert len({found.start() for found in begins if found}) == 1
    assert all(begins)


def test_the_end_counts(account: Account, audits: Audits) -> None:
    # The users are more than a page of ListUsers.
    assert audits.end("everyone") == [
        "7 users with 5 keys on 1 server.",
        "3 keys are older than 90 days.",
        "1 key is weak.",
        "1 key is shared between users.",
        "4 users have no key.",
        f"The report is in {account.report('everyone')}.",
    ]
    assert audits.failure("everyone") == ""


def test_an_audit_only_reads(audits: Audits) -> None:
    operations = {"ListUsers", "DescribeUser", "DescribeServer", "ListHostKeys"}
    assert {call["operation"] for call in audits.calls} == operations


def test_the_chart_has_each_key_in_its_band(audits: Audits) -> None:
    bands = [(0, 30, 1), (31, 60, 0), (61, 90, 1), (91, 180, 2), (181, 360, 0), (361, 720, 1)]
    assert audits.page("everyone").bars == [
        *(Bar(f"{begin}\N{EN DASH}{end} days: {count}", 145.0 * count, begin > 90) for begin, end, count in bands),
        Bar("over 720 days: 0", 0.0, old=True),
    ]
    assert audits.page("everyone").chart_text == (
        "Of 5 keys, 2 are within the limit of 90 days, and 3 are older. By age: "
        + "; ".join(
            f"{begin}\N{EN DASH}{end} days: {count} key{'s' * (count > 1)}" for begin, end, count in bands if count
        )
        + "."
    )


def test_the_report_says_what_the_screen_says(account: Account, audits: Audits) -> None:
    page = audits.page("everyone")
    assert page.tiles == {
        "users": 7,
        "keys": 5,
        "old keys": 3,
        "weak keys": 1,
        "shared keys": 1,
        "users without a key": 4,
        "unreadable keys": 0,
    }
    assert [FINGERPRINT["alice"], "auditor, partner"] in page.rows
    assert [account.lab.server_id, "7", "5", "3", "1", "1", "4", "0", "0"] in page.rows
    assert ["archive", "no key"] in page.rows
    assert [row[-1] for row in page.rows_with("rsa-1024@laptop")] == ["old weak"]
    assert [row[-1] for row in page.rows_with("rsa-2048@laptop")] == ["old"]
    assert [row[-1] for row in page.rows_with("erin@laptop")] == [NO_NUMBER]
    assert [row[-1] for row in page.rows_with("the same")] == ["old shared with partner"]
    assert page.problems == []
    # The day when the keys were judged, some seconds before.
    written = account.report("everyone").stat().st_mtime
    days = {time.strftime("%Y-%m-%d", time.gmtime(moment)) for moment in (written, written - 60)}
    heads = [f"{day} (UTC) · {account.lab.server_id} · a key is old after 90 days" for day in days]
    assert any(head in page.text for head in heads)


def test_only_the_owner_can_read_the_report(account: Account, audits: Audits) -> None:
    for case in ("everyone", "odd"):
        assert account.report(case).stat().st_mode & 0o777 == 0o600
    assert audits.run.recap("everyone")["changed"] == 1


def test_a_diff_does_not_show_the_report(audits: Audits) -> None:
    assert "<title>" not in audits.run.output


def test_users_that_are_named_are_read_and_compared_alone(account: Account, audits: Audits) -> None:
    assert audits.end("one-user")[:3] == [
        "1 user with 2 keys on 1 server; 1 user could not be read.",
        "1 key is older than 399 days.",
        "1 key is weak.",
    ]
    assert not any("shared" in line for line in audits.table("one-user"))


def test_what_fail_on_names_fails_the_playbook(account: Account, audits: Audits) -> None:
    said = audits.failure("one-user")
    assert said.startswith(f"The user partner on {account.other_server} in us-east-1 could not be read: ")
    assert said.endswith(" 1 key is older than 399 days. 1 key is weak.")


def test_a_server_of_which_no_user_was_read_has_no_numbers(account: Account, audits: Audits) -> None:
    rows = audits.page("one-user").rows
    assert [account.other_server, *[NO_NUMBER] * 7, "1"] in rows
    assert [account.lab.server_id, "1", "2", "1", "1", "0", "0", "0", "0"] in rows
    assert not any("no key" in line for line in audits.table("one-user"))


def test_a_key_on_the_limit_is_not_old_and_without_a_report_none_is_mentioned(audits: Audits) -> None:
    assert audits.end("on-the-limit") == ["1 user with 2 keys on 1 server.", "Nothing to remark."]
    assert audits.failure("on-the-limit") == ""
    assert audits.run.recap("on-the-limit")["changed"] == 0


def test_the_region_that_is_asked_for_is_read_and_named(account: Account, audits: Audits) -> None:
    assert audits.failure("no-region").startswith(
        f"The server {account.lab.server_id} in eu-west-1 could not be read: ResourceNotFoundException"
    )
    assert [call["operation"] for call in audits.calls if call["region"] == "eu-west-1"] == [
        "DescribeServer",
        "ListUsers",
    ]


# -- What is in a comment ---------------------------------------------------------------------------------------------


def test_each_comment_is_shown_as_text_in_the_report(audits: Audits) -> None:
    page = audits.page("odd")
    # The comment is the last but one in its row.
    shown = [row[-2] for row in page.rows_with("ssh-ed25519")]
    assert sorted(shown) == sorted([*COMMENTS.values(), "[31mred lru mark", f"{'x' * 119}…", "a twin"])
    assert [row[-1] for row in page.rows if "unknown" in row] == ["cannot be read"]
    assert page.tiles["shared keys"] == 1
    assert page.tiles["unreadable keys"] == 1


def test_each_comment_is_shown_as_text_on_the_screen(audits: Audits) -> None:
    printed = "\n".join(audits.table("odd"))
    for comment in COMMENTS.values():
        assert comment[:29] in printed
    assert max(map(len, audits.table("odd"))) < 400
    assert "1 stored key cannot be read." in audits.end("odd")
    assert CONTROL_CHARACTERS.search(audits.run.output) is None


def test_no_template_in_a_comment_is_carried_out(audits: Audits) -> None:
    assert "1337" not in re.sub(r"SHA256:\S+", "", audits.run.output)
    assert "1337" not in re.sub(r"SHA256:\S+", "", audits.page("odd").text)


# -- What cannot be read ----------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_named_with_the_reason(account: Account, audits: Audits) -> None:
    other = account.other_server
    assert f"Server {NO_SERVER} was not read" in audits.table("unreadable")
    (guarded,) = [line for line in audits.table("unreadable") if line.startswith("guarded")]
    assert guarded.endswith(" not read: AccessDeniedException")
    said = audits.failure("unreadable")
    assert said.startswith(f"The server {NO_SERVER} in us-east-1 could not be read: ResourceNotFoundException")
    assert f" The user guarded on {other} in us-east-1 could not be read: " in said
    page = audits.page("unreadable")
    first, second = page.problems
    assert first.startswith(f"The server {NO_SERVER} in us-east-1: ResourceNotFoundException")
    assert second.startswith(f"The user guarded on {other} in us-east-1: Not <b>allowed</b> & so on")
    assert [NO_SERVER, "not read"] in page.rows
    assert page.rows_with("guarded")[0][-1].startswith("not read: Not <b>allowed</b> & so on")


def test_what_cannot_be_read_counts_nowhere(account: Account, audits: Audits) -> None:
    coverage = "2 users with 10 keys on 1 server; 1 server and 1 user could not be read."
    assert audits.end("unreadable")[0] == coverage
    assert not any("have no key" in line or "has no key" in line for line in audits.end("unreadable"))
    page = audits.page("unreadable")
    assert page.coverage == coverage
    assert (page.tiles["users"], page.tiles["keys"], page.tiles["users without a key"]) == (2, 10, 0)
    assert [account.other_server, "2", "10", "0", "0", "1", "0", "1", "1"] in page.rows


@pytest.fixture(scope="module")
def later(account: Account, audits: Audits) -> Audits:
    """Audit again, when the token has expired for one of the servers."""
    main = account.lab.server_id
    account.lab.misbehave(*denied(main, "ExpiredTokenException", "The security token is expired"))
    for case in ("stays", "stays-users"):
        account.report(case).write_text(YESTERDAY, encoding="utf-8")
    cases: dict[str, dict[str, object]] = {
        "stays": {"server_ids": [main, NO_SERVER]},
        # Then the users are not listed, and each is denied for itself.
        "stays-users": {"server_id": main, "user_names": "partner,auditor"},
        "none-yet": {"server_id": main},
        "none-asked": {"server_id": main, "report_file": ""},
        # This server can be read.
        "odd": {"server_id": account.other_server, "user_names": ["guest", "twin"]},
    }
    before = {case: account.report(case).stat() for case in ("stays", "stays-users", "odd")}
    # The region may stand in either variable of the environment.
    found = account.audit(cases, AWS_REGION="", AWS_DEFAULT_REGION="us-east-1")
    for case, status in before.items():
        now = account.report(case).stat()
        assert (now.st_ino, now.st_mtime_ns) == (status.st_ino, status.st_mtime_ns), case
    return found


@pytest.mark.parametrize("case", ["stays", "stays-users"])
def test_a_report_stays_where_nothing_can_be_read(account: Account, later: Audits, case: str) -> None:
    assert later.reports[case] == YESTERDAY
    stays = f"The report {account.report(case)} stays as it was, because nothing could be read."
    end = later.end(case)
    assert (end[0], end[-1]) == ("Nothing could be read.", stays)
    assert later.failure(case).endswith(stays)
    assert later.run.recap(case)["changed"] == 0
    # What is not known has no number.
    assert not re.search("[0-9] (user|key)|no key", "\n".join([*later.table(case), *end]))


def test_the_reason_is_told_where_nothing_can_be_read(account: Account, later: Audits) -> None:
    place = f"{account.lab.server_id} in us-east-1"
    assert later.failure("stays").startswith(f"The server {place} could not be read: ExpiredTokenException")
    assert later.failure("stays-users").startswith(f"The user partner on {place} could not be read: ")


def test_no_report_is_written_where_nothing_can_be_read(account: Account, later: Audits) -> None:
    assert "none-yet" not in later.reports
    no_report = f"No report is written to {account.report('none-yet')}, because nothing could be read."
    assert later.end("none-yet")[-1] == no_report
    assert later.run.recap("none-yet")["changed"] == 0


def test_nothing_is_said_of_a_report_that_is_not_asked_for(later: Audits) -> None:
    assert not any("report" in line for line in later.end("none-asked"))
    assert "because nothing" not in later.failure("none-asked")


def test_a_second_audit_leaves_the_report_alone(account: Account, audits: Audits, later: Audits) -> None:
    assert later.end("odd")[-1] == f"The report {account.report('odd')} is unchanged."
    assert later.run.recap("odd")["changed"] == 0
    assert later.reports["odd"] == audits.reports["odd"]


# -- The servers themselves -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def servers(account: Account, later: Audits) -> Audits:
    """Audit when the users of a server are not its own, and the host keys of the other may not be read."""
    main, other = account.lab.server_id, account.other_server
    account.lab.control("PUT", f"transfer/servers/{other}", identity_provider_type="AWS_LAMBDA", state="OFFLINE")
    denied_call = {"fault": "error", "code": "AccessDeniedException", "message": "Not allowed", "times": None}
    account.lab.misbehave({**denied_call, "operation": "ListHostKeys", "match": {"ServerId": main}})
    cases: dict[str, dict[str, object]] = {
        "servers": {"server_ids": [main, other], "user_names": ["partner"], "fail_on": "identity_provider"},
        "without users": {"server_id": other},
    }
    return account.audit(cases)


def test_servers_are_shown_on_the_screen(account: Account, audits: Audits, servers: Audits) -> None:
    main, other = account.lab.server_id, account.other_server
    table = audits.table("everyone")
    assert f"  endpoint           {main}.server.transfer.us-east-1.amazonaws.com (PUBLIC), port 22" in table
    assert "  identity provider  SERVICE_MANAGED" in table
    keys = [line.split()[2] for line in table if line.startswith("  host key ")]
    assert keys == ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"]
    table = servers.table("servers")
    assert "  host keys          unknown: The host keys could not be read. Not allowed" in "\n".join(table)
    below = table[table.index("", 1) :]
    title = f"Server {other} has no users of its own: its identity provider is AWS_LAMBDA"
    assert below[1] == title
    assert "  identity provider  AWS_LAMBDA" in below
    assert servers.table("without users")[0] == title


def test_servers_are_shown_in_the_report(account: Account, audits: Audits, servers: Audits) -> None:
    (row,) = [row for row in audits.page("everyone").rows if row[0] == account.lab.server_id and "ONLINE" in row]
    assert row[2] == f"{account.lab.server_id}.server.transfer.us-east-1.amazonaws.com (PUBLIC), port 22"
    assert row[3:5] == ["SFTP", "SERVICE_MANAGED"]
    assert re.match(r"ssh-ed25519 SHA256:\S{43} \d+ days, default ?ssh-rsa SHA256:", row[5])
    page = servers.page("servers")
    (other,) = [row for row in page.rows if row[0] == account.other_server and "OFFLINE" in row]
    assert other[4] == "AWS_LAMBDA: no users of its own"
    for case in ("servers", "without users"):
        assert "This server has no users of its own: its identity provider is AWS_LAMBDA." in servers.page(case).text
    (main,) = [row for row in page.rows if row[0] == account.lab.server_id and "ONLINE" in row]
    assert main[5].startswith("unknown: The host keys could not be read. Not allowed")


def test_keys_that_do_not_count_are_a_remark_and_unknown_host_keys_are_no_failure(
    account: Account, servers: Audits
) -> None:
    sentence = (
        "1 server has another identity provider (AWS_LAMBDA): only one with SERVICE_MANAGED has users of its own."
    )
    assert sentence in servers.end("servers")
    assert servers.failure("servers") == sentence
    assert sentence in servers.end("without users")
    assert servers.run.recap("without users")["failed"] == 0
    asked = {call["operation"] for call in servers.calls if call["parameters"].get("ServerId") == account.other_server}
    assert not asked & {"ListUsers", "DescribeUser"}
    told = [line for line in servers.end("servers") if line.startswith("The host keys of")]
    assert [line.partition(":")[0] for line in told] == [
        f"The host keys of {account.lab.server_id} in us-east-1 are unknown"
    ]
    assert "host keys" not in servers.failure("servers")


# -- What is refused --------------------------------------------------------------------------------------------------

REFUSED: dict[str, dict[str, object]] = {
    "wrong": {
        "max_key_age_days": "soon",
        "report_file": "nowhere/report.html",
        "fail_on": "weak,lost",
        "failon": "weak",
        "user_names": ["x"],
    },
    "no-lists": {"server_ids": 5, "fail_on": {"weak": True}},
    "long": {"server_id": "x" * 41},
    "no-profile": {"server_id": NO_SERVER, "profile": "nowhere", "report_file": ""},
    "no-role": {"server_id": NO_SERVER, "assume_role_arn": "nobody", "report_file": ""},
    "no-endpoint": {"server_id": NO_SERVER, "endpoint_url": "ftp://nowhere", "report_file": ""},
}


@pytest.mark.parametrize(
    ("case", "sentences"),
    [
        (
            "wrong",
            [
                *("Say which server to audit", "max_key_age_days is 'soon'", "fail_on has 'lost'"),
                *("there is no such folder", "There is no variable failon", "user_names has 'x'"),
            ],
        ),
        ("no-lists", ["server_ids is of type int. Give a list", "fail_on is of type dict. Give a list"]),
        ("long", ["'(a text of more than 40 characters)' is not the id of a server"]),
    ],
)
def test_variables_that_cannot_be_used_are_refused(audits: Audits, case: str, sentences: list[str]) -> None:
    said = audits.run.of("Refuse variables that cannot be used", case)["msg"]
    assert [sentence for sentence in sentences if sentence not in said] == []
    assert audits.run.all_of("Read the keys of each server", case) == []
    # It may be a private key.
    assert "xxxxx" not in said


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no-profile", "profile"),
        ("no-role", "assume_role_arn is 'nobody'"),
        ("no-endpoint", "Not supported URL scheme ftp"),
    ],
)
def test_profile_role_and_endpoint_are_those_of_the_variables(audits: Audits, case: str, words: str) -> None:
    assert words in audits.failure(case)


def test_lists_that_ansible_cuts_at_a_blank_are_refused(account: Account, later: Audits) -> None:
    account.lab.control("DELETE", "requests")
    main, other = account.lab.server_id, account.other_server
    lists = (f"server_ids={main}, {other}", "user_names=partner, auditor", "fail_on=old, weak")
    run = account.controller.run(PLAYBOOK, *(word for each in lists for word in ("-e", each)))
    assert run.status == 2
    said = run.of("Refuse variables that cannot be used")["msg"]
    for sentence in (
        f"server_ids is '{main},', which ends in a comma",
        "user_names is 'partner,', which ends in a comma",
        "fail_on is 'old,', which ends in a comma",
        # Ansible keeps the last one alone.
        "Ansible cut off 'weak'",
    ):
        assert sentence in said
    assert account.lab.requests() == []


# -- The page, for more than a server of the lab can show --------------------------------------------------------------


def page_of(*results: dict[str, Any], **more: Any) -> Report:
    """Return the page about results of transfer_ssh_key_info, as the module template writes it."""
    options, template = TEMPLATE.read_text("utf-8").split("\n", 1)
    assert options == "#jinja2: lstrip_blocks: True"
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)  # noqa: S701 - as Ansible's
    return read_report(environment.from_string(template).render(audit=audited(*results, **more)))


def test_the_page_of_a_server_without_users() -> None:
    page = page_of(server())
    assert "There are no keys." in page.text
    assert "This server has no users." in page.text
    assert (page.bars, page.problems) == ([], [])


def test_the_page_does_not_say_that_there_are_no_keys_where_some_could_not_be_read() -> None:
    page = page_of(server(user("alice")), lost(item="s-0fedcba9876543210"))
    assert "No user that was read has a key." in page.text
    assert "There are no keys." not in page.text


def test_the_page_may_load_and_run_nothing() -> None:
    """Whatever the texts in it are: they come from the service."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', TEMPLATE.read_text("utf-8"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.parametrize(("days", "words"), [(1, "1 day"), (2, "2 days")])
def test_the_page_has_the_limit_and_ages(days: int, words: str) -> None:
    page = page_of(server(user("alice", key(age_days=days))), limit=days)
    assert f"a key is old after {words} " in page.text
    assert f"has had the key for more than {words}." in page.text
    assert page.rows_with("alice")[0][3] == words


def test_the_page_lets_what_is_fine_be_hidden_and_what_is_not_stand_out() -> None:
    page = page_of(server(user("alice", key()), user("bobby", key("SHA256:b", age_days=91)), user("carol")))
    assert page.fine == ["alice"]
    assert page.alarming == ["old keys", "users without a key"]


def test_the_page_has_what_is_known_of_servers_as_text() -> None:
    assert "Endpoints and host keys" not in page_of(server()).text
    odd = described(
        state="<b>", endpoint="<i>", protocols=["<u>"], host_keys=[{"type": "<s>", "fingerprint": "&", "age_days": 1}]
    )
    page = page_of(server(), servers=[odd])
    assert ["s-01234567890abcdef", "<b>", "<i> (PUBLIC), port 22", "<u>", "SERVICE_MANAGED", "<s> & 1 day"] in page.rows
    page = page_of(server(), servers=[described(arn=None, error=DENIED)])
    assert ["s-01234567890abcdef", "not described: No (AccessDeniedException). Allow it."] in page.rows
    nothing = dict.fromkeys(("state", "endpoint", "endpoint_type", "ports", "protocols", "identity_provider_type"))
    page = page_of(server(), servers=[described(**nothing, host_keys=[])])
    assert ["s-01234567890abcdef", *[NO_NUMBER] * 5] in page.rows


def test_the_page_has_no_numbers_for_a_server_of_which_no_user_was_read() -> None:
    page = page_of(server(user("alice")), server(unread("bobby"), item="s-0fedcba9876543210"))
    assert ["s-0fedcba9876543210", *[NO_NUMBER] * 7, "1"] in page.rows


def test_the_page_shows_names_and_reasons_as_text() -> None:
    name, reason = "<i>eve</i>&amp;", "No <b>way</b> & </li>"
    page = page_of(
        server(user(name, key()), user("bobby", key()), unread("carol", message=reason), user("<u>")),
        lost(f"{reason}.", item="<s>&amp;"),
    )
    assert page.rows_with(name)[0][1] == "ssh-ed25519"
    assert ["<u>", "no key"] in page.rows
    assert ["SHA256:a", f"{name}, bobby on s-01234567890abcdef"] in page.rows
    assert [row[-1] for row in page.rows if row[0] == "bobby"] == [f"shared with {name}"]
    assert page.rows_with("carol")[0][-1].startswith(f"not read: {reason} (AccessDeniedException)")
    assert page.problems[1] == f"The server <s>&amp; in us-east-1: {reason}."
    assert "<s>&amp;" in page.text


def test_the_page_shows_what_is_known_of_a_key_that_cannot_be_read() -> None:
    unknown = key(None, age_days=None, date_imported=None, id="key-<1>")
    page = page_of(server(user("alice", unknown)))
    assert ["alice", "unknown", *[NO_NUMBER] * 3, "key-<1>", "", "cannot be read"] in page.rows
