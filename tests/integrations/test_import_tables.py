"""What an import makes of rows: every noun, again without change, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from history.models import ChangeSet
from integrations.tables.importing import MANY
from metrics.models import KPI, Measurement
from milestones.models import DateMove, Dependency, Milestone, SlipCause, Workstream
from people.models import Team, User, WorkingCalendar
from programs.models import Program, RelatedLink, Revision
from risks.models import Issue, Risk
from tests.conftest import SHARED
from tests.integrations.conftest import Import, Result

Write = Callable[[str, str], Path]

PORTFOLIO = {
    "calendars": "name,day_hours,days_off,holidays\nShift,7.5,sun;mon,2027-01-01;2027-12-25\n",
    "teams": "name,external_key,area,capacity_days,calendar\nPower,T1,Sites,12.5,Shift\nCooling,T2,Sites,,\n",
    "programs": (
        "external_key,key,name,lead,owning_team,partner_teams,rank,state,target_on,visibility\n"
        "p-1,NA4,Region NA-4,ada@example.com,Power,Cooling;Power,1,active,2027-Q2,private\n"
        "p-2,,Fleet,,T2,,,On hold,,\n"
    ),
    "workstreams": "program,name,position\nNA4,Site,1\n",
    "milestones": (
        "program,external_key,name,workstream,kind,is_end,owner,team,work_low,work_likely,work_high,demand_days,"
        "not_before_on,target_on,started_on,remaining,done_on\n"
        "p-1,a,Power on,Site,gate,no,ada@example.com,Power,1,2d,24h,3.5,2024-01-05,2026-09,2024-01-05,,2024-02-01\n"
        "NA4,b,Live,,launch,yes,,,,5,,,,2027-03-31,2024-06-01,90m,\n"
        "p-2,c,Racks,,,,,,,,,,,,,,\n"
    ),
    "dependencies": (
        "predecessor_program,predecessor,successor_program,successor,kind,lag,promised_on\n"
        "p-1,a,p-1,b,SS,-2,\nNA4,b,p-2,Racks,,4h,2027-04-30\n"
    ),
    "related_links": "program,other,kind\nNA4,p-2,replaces\n",
    "risks": (
        "program,external_key,title,probability,likelihood_score,response,review_on,raised_on\n"
        "NA4,r1,Transformer late,0.25,4,Mitigate,2026-12-01,2026-01-01\n"
    ),
    "issues": "program,title,due_on,raised_on\nNA4,Leak,2026-12-24,2026-11-01\n",
    "kpis": (
        "program,name,unit,direction,start_value,target_value,target_on,cadence\n"
        "NA4,PUE,,down,1.6,1.25,2027-06-30,month\n"
    ),
    "measurements": "program,kpi,on,value,note\nNA4,PUE,2026-10-31,1.42,first\nNA4,PUE,2026-11-30,1.40,\n",
}
NUMBERS = {
    "calendars": 1, "teams": 2, "programs": 2, "workstreams": 1, "milestones": 3, "dependencies": 2, "related_links": 1,
    "risks": 1, "issues": 1, "kpis": 1, "measurements": 2,
}  # fmt: skip


def _counts(result: Result, outcome: str) -> dict[str, int]:
    return {noun: counts[outcome] for noun, counts in result.counts.items() if counts[outcome]}


@pytest.fixture
def portfolio(table: Write) -> Callable[..., list[Path]]:
    def write(**changed: str) -> list[Path]:
        return [table(f"{noun}.csv", text) for noun, text in (PORTFOLIO | changed).items()]

    return write


def test_every_noun_is_imported_and_again_without_change(
    run_import: Import, portfolio: Callable[..., list[Path]]
) -> None:
    files = portfolio()
    dry = run_import(*files, dry_run=True)
    assert _counts(dry, "created") == NUMBERS
    assert not Program.objects.exists()
    assert not ChangeSet.objects.filter(reason__startswith="Import").exists()

    first = run_import(*files)
    assert _counts(first, "created") == NUMBERS, first.said

    na4, fleet = Program.objects.order_by("id")
    assert (na4.key, na4.external_key, na4.visibility, na4.rank) == ("NA4", "p-1", "private", 1)
    assert (str(na4.target_on), na4.target_precision) == ("2027-06-30", "quarter")
    assert (fleet.key, fleet.state, fleet.rank) == ("P-2", "on_hold", 0)
    assert [team.name for team in na4.partner_teams.all()] == ["Cooling"]
    shift = WorkingCalendar.objects.get(name="Shift")
    assert shift.minutes == (0, 450, 450, 450, 450, 450, 0)
    assert shift.holidays.count() == 2
    assert Team.objects.get(name="Power").calendar == shift

    power, live, racks = Milestone.objects.order_by("id")
    assert (power.work_low, power.work_likely, power.work_high) == (480, 960, 1440)
    assert (power.workstream, power.remaining) == (Workstream.objects.get(), None)
    assert (str(power.target_on), power.target_precision) == ("2026-09-30", "month")
    assert (live.is_end, live.remaining, live.kind) == (True, 90, "launch")
    inside, across = Dependency.objects.order_by("id")
    assert (inside.kind, inside.lag, inside.agreement) == ("SS", -960, "")
    assert (across.predecessor, across.successor, across.lag, across.agreement) == (live, racks, 240, "proposed")
    assert RelatedLink.objects.get().kind == "replaces"
    assert Risk.objects.get().probability == Decimal("0.25")
    assert Issue.objects.get().title == "Leak"
    assert KPI.objects.get().direction == "down"
    assert Measurement.objects.count() == 2
    assert Revision.objects.count() == 2

    again = run_import(*files)
    assert _counts(again, "unchanged") == NUMBERS
    assert ChangeSet.objects.filter(reason__startswith="Import", parent=None).count() == 1


def test_only_what_differs_is_changed(run_import: Import, portfolio: Callable[..., list[Path]]) -> None:
    run_import(*portfolio())
    racks = Milestone.objects.get(name="Racks")
    revisions = dict(Revision.objects.values_list("program__key", "plan_revision"))
    result = run_import(*portfolio(milestones=PORTFOLIO["milestones"].replace("p-2,c,Racks", "p-2,c,More racks")))
    assert _counts(result, "updated") == {"milestones": 1}
    before, racks = racks, Milestone.objects.get(pk=racks.pk)
    assert (racks.name, racks.version) == ("More racks", before.version + 1)
    now = dict(Revision.objects.values_list("program__key", "plan_revision"))
    assert now["NA4"] == revisions["NA4"]
    assert now["P-2"] > revisions["P-2"]
    newest = racks.events.filter(valid_to=None).get()  # type: ignore[attr-defined]  # made by history.track
    assert ChangeSet.objects.get(pk=newest.change_set.parent_id).reason.startswith("Import ")
    assert newest.change_set.by_id == User.objects.get().pk


def test_a_column_that_is_absent_is_left_alone_and_an_empty_cell_clears(run_import: Import, table: Write) -> None:
    run_import(table("programs.csv", "key,name,area,rank,state\nNA4,Region,Sites,3,done\n"))
    run_import(table("programs.csv", "key,name\nNA4,Region NA-4\n"))
    na4 = Program.objects.get()
    assert (na4.name, na4.area, na4.rank, na4.state) == ("Region NA-4", "Sites", 3, "done")
    run_import(table("programs.csv", "key,name,area,state\nNA4,Region NA-4,,\n"))
    na4.refresh_from_db()
    assert (na4.area, na4.state) == ("", "done")


def test_one_refused_row_stops_all(run_import: Import, portfolio: Callable[..., list[Path]]) -> None:
    result = run_import(*portfolio(risks="program,title,probability\nNA4,Flood,7\nNA4,Fire,\n"))
    assert (result.code, result.of("risks")) == (1, {"created": 1, "refused": 1})
    assert "risks.csv, row 2, column probability" in result.said
    assert not Program.objects.exists()
    assert not Team.objects.exists()


def test_refusals_name_what_is_missing(run_import: Import, portfolio: Callable[..., list[Path]]) -> None:
    result = run_import(
        *portfolio(
            milestones="program,name,owner,team,done_on\nNOPE,a,,,\nNA4,b,eve@example.com,,\nNA4,c,,Wizards,\nNA4,d,,,2099-01-01\n",
            dependencies="program,predecessor,successor\nNA4,a,b\n",
            measurements="program,kpi,on,value\nNA4,None,2026-01-01,1\n",
        )
    )
    for says in (
        "There is no program “NOPE”",
        "Nobody here has the address “eve@example.com”",
        "There is no team “Wizards”",
        "lies in the future",
        "NA4 has no milestone “a”",
        "NA4 has no KPI “None”",
    ):
        assert says in result.said
    assert result.refused == 6


def test_constraints_of_the_database_name_their_row(run_import: Import, table: Write) -> None:
    programs = table("programs.csv", "key,name\nNA4,Region\n")
    head = "program,external_key,name,is_end,work_low,work_likely,work_high\n"
    text = f"{head}NA4,a,A,yes,,,\nNA4,b,B,yes,,,\nNA4,c,C,,5,2,9\n"
    result = run_import(programs, table("milestones.csv", text))
    assert result.of("milestones") == {"created": 1, "refused": 2}
    assert "row 3, column is_end: The program has an end milestone already" in result.said
    assert "row 4, column work_likely: Give all three" in result.said


def test_two_rows_of_one_thing(run_import: Import, table: Write) -> None:
    result = run_import(table("programs.csv", "key,name\nA1,One\nA1,One\nB1,Two\nB1,Three\n"))
    assert result.of("programs") == {"created": 2, "skipped": 1, "refused": 1}
    assert "Row 4 of programs.csv says otherwise of the same program" in result.said


def test_moved_promises_want_a_cause(run_import: Import, portfolio: Callable[..., list[Path]]) -> None:
    cause, _ = SlipCause.objects.get_or_create(name="Supplier late")
    run_import(*portfolio())
    moved = {
        "programs": PORTFOLIO["programs"].replace("2027-Q2", "2027-Q3"),
        "milestones": PORTFOLIO["milestones"].replace("2027-03-31", "2027-05-31"),
        "dependencies": PORTFOLIO["dependencies"].replace("2027-04-30", "2027-06-30"),
    }
    refused = run_import(*portfolio(**moved))
    assert _counts(refused, "refused") == {"programs": 1, "milestones": 1, "dependencies": 1}
    assert "choose a cause" in refused.said
    result = run_import(*portfolio(**moved), cause="supplier late")
    assert _counts(result, "updated") == {"programs": 1, "milestones": 1, "dependencies": 1}
    assert set(DateMove.objects.values_list("field", "cause")) == {
        ("program_target", cause.pk),
        ("target", cause.pk),
        ("promised", cause.pk),
    }
    with pytest.raises(CommandError, match="There is no cause"):
        call_command("import_portfolio", str(portfolio()[0]), cause="Weather")


def test_hostile_text_comes_back_as_it_went_in(run_import: Import, tmp_path: Path) -> None:
    """Formulas, markup and unusual letters are kept to the letter: harm is undone where text is shown or exported."""
    kept = []
    for name in ("naughty_strings.json", "xss_strings.json"):
        path = SHARED / "data" / "F_hostile" / name
        kept += [text for text in json.loads(path.read_text()) if path.exists() and isinstance(text, str)]
    kept += ["=cmd|' /C calc'!A0", "@SUM(1+9)", "-2+3", "\tTab", "line\nbreak", "'; DROP TABLE programs_program; --"]
    texts = [text for text in dict.fromkeys(kept) if text.strip() and "\0" not in text]
    path = tmp_path / "programs.json"
    path.write_text(json.dumps([{"key": f"K{n}", "name": "x", "summary": text} for n, text in enumerate(texts)]))
    result = run_import(path)
    assert result.of("programs") == {"created": len(texts)}, result.said
    stored = dict(Program.objects.values_list("key", "summary"))
    assert [stored[f"K{n}"] for n in range(len(texts))] == texts
    assert run_import(path).of("programs") == {"unchanged": len(texts)}


def test_a_long_chain_is_no_loop(run_import: Import, table: Write) -> None:
    count = 3_000
    programs = table("programs.csv", "key,name\nNA4,Region\n")
    milestones = "".join(f"NA4,{n},Step {n}\n" for n in range(count))
    links = "".join(f"NA4,{n},{n + 1}\n" for n in range(count - 1))
    result = run_import(
        programs,
        table("milestones.csv", f"program,external_key,name\n{milestones}"),
        table("dependencies.csv", f"program,predecessor,successor\n{links}"),
    )
    assert result.of("dependencies") == {"created": count - 1}


def test_only_an_administrator_imports(run_import: Import, table: Write) -> None:
    path = table("programs.csv", "key,name\nNA4,Region\n")
    with pytest.raises(CommandError, match="No active administrator"):
        run_import(path, by="eve@example.com")
    User.objects.update(is_admin=False)
    with pytest.raises(CommandError, match="Nobody may import yet"):
        run_import(path)


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("{", "not valid JSON"),
        ('{"tables": []}', "tables: list at least one"),
        ('{"tables": [{"noun": "spoons", "files": "*"}]}', "tables[0].noun: choose one of"),
        ('{"tables": [{"noun": "programs", "files": "*", "fields": {"nam": "x"}}]}', "“nam” is unknown here"),
        ('{"tables": [{"noun": "programs", "files": "*", "fields": {"key": "x"}}]}', "a program needs name"),
        (
            '{"tables": [{"noun": "programs", "files": "*", "fields": {"name": {"column": "a", "constant": "b"}}}]}',
            "tables[0].fields.name: give one of",
        ),
        (
            '{"tables": [{"noun": "programs", "files": "*", "fields": {"name": {"column": "a", "times": Infinity}}}]}',
            "tables[0].fields.name.times: this factor",
        ),
        (
            '{"tables": [{"noun": "programs", "files": "*", "fields": {"name": "Name"}}]}',
            "There is no column Name. The columns are: key, name",
        ),
        ('{"tables": [{"noun": "programs", "files": "x.csv", "fields": {"name": "Name"}}]}', "names none of these"),
        (
            '{"tables": [{"noun": "programs", "files": "*", "fields": {"name": "name"}, '
            '"join": {"files": "no.csv", "column": "a", "to": "key", "prefix": "p"}}]}',
            "joins no.csv",
        ),
        (
            '{"tables": [{"noun": "programs", "files": "*", '
            '"fields": {"name": "name", "state": {"column": "key", "values": {"X": "done"}}}}]}',
            "do not have this one",
        ),
    ],
)
def test_a_wrong_mapping_is_refused_by_place(run_import: Import, table: Write, mapping: str, says: str) -> None:
    result = run_import(table("programs.csv", "key,name\nNA4,Region\n"), mapping=table("mapping.json", mapping))
    assert result.code == 1
    assert says in result.said
    assert not Program.objects.exists()


def test_many_rows_are_counted_at_once(
    run_import: Import, table: Write, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    """Else the next pages wait for plans made for an empty table."""
    programs = table("programs.csv", "external_key,name\np-1,Region\n")
    rows = "".join(f"p-1,m{number},Step {number}\n" for number in range(MANY))
    with django_capture_on_commit_callbacks(execute=True):
        run_import(programs, table("milestones.csv", f"program,external_key,name\n{rows}"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [Milestone._meta.db_table])
        assert cursor.fetchone() == (MANY,)
