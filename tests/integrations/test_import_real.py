"""Real portfolios, as other people wrote them: Kubernetes enhancements and the DSLIB projects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from django.db.models import Count, F, Q

from history.models import ChangeSet
from milestones.models import Dependency, Milestone
from people.models import Holiday, Team, WorkingCalendar
from programs.models import PartnerTeam, Program, RelatedLink, Revision
from tests.conftest import SHARED
from tests.integrations.conftest import MAPPINGS, Import

KEPS, DSLIB = SHARED / "data" / "A1_keps", SHARED / "data" / "B3_dslib"

# The one reason to leave these out: nobody put the data beside the project.
needs_data = pytest.mark.skipif(not KEPS.is_dir(), reason=f"no real data at {SHARED}")


@needs_data
def test_kubernetes_enhancements_import_twice_without_change(run_import: Import) -> None:
    mapping = MAPPINGS / "kubernetes-enhancements.json"
    first = run_import(KEPS, mapping=mapping)
    assert first.code == 0, first.said
    assert first.of("programs") == {"created": 319}
    assert first.of("milestones") == {"created": 594}
    assert first.of("teams") == {"created": 32}
    # 68 links name a program of this half; one of those names itself, as its source does.
    assert first.of("related_links") == {"created": 68, "skipped": 178}
    assert first.of("dependencies") == {}

    assert Program.objects.count() == Revision.objects.count() == 319
    assert Milestone.objects.filter(target_on=None).count() == 63
    assert Program.objects.filter(milestones=None).count() == 81
    assert Milestone.objects.exclude(done_on=None).count() == 408
    assert Milestone.objects.exclude(cancelled_on=None).count() == 16
    assert set(Milestone.objects.values_list("target_precision", flat=True)) == {"day"}
    assert Program.objects.filter(owning_team=None).count() == 0
    assert set(Team.objects.exclude(programs_owned=None).values_list("name", flat=True)) >= {"sig-node", "sig-network"}
    assert not PartnerTeam.objects.filter(team=F("program__owning_team")).exists()
    both_ways = {
        (a, b)
        for a, b in RelatedLink.objects.filter(kind="see_also").values_list(
            "program__external_key", "other__external_key"
        )
    }
    assert len({frozenset((a, b)) for a, b in both_ways if a != b and (b, a) in both_ways}) == 3
    assert all(len(key) <= 16 for key in Program.objects.values_list("key", flat=True))

    before = list(ChangeSet.objects.values_list("id", flat=True)), _versions()
    second = run_import(KEPS, mapping=mapping)
    assert second.code == 0
    assert second.of("programs") == {"unchanged": 319}
    assert second.of("milestones") == {"unchanged": 594}
    assert second.of("teams") == {"unchanged": 32}
    assert second.of("related_links") == {"unchanged": 68, "skipped": 178}
    assert (list(ChangeSet.objects.values_list("id", flat=True)), _versions()) == before


def _versions() -> Mapping[str, object]:
    return {
        "programs": list(Program.objects.order_by("id").values_list("id", "version")),
        "milestones": list(Milestone.objects.order_by("id").values_list("id", "version")),
        "revisions": list(Revision.objects.order_by("pk").values_list("pk", "plan_revision", "revision")),
    }


@needs_data
def test_dslib_projects_keep_their_links_lags_and_calendars(run_import: Import) -> None:
    first = run_import(DSLIB, mapping=MAPPINGS / "dslib.json")
    assert first.code == 0, first.said
    assert first.of("programs") == {"created": 67}
    assert first.of("milestones") == {"created": 3592}
    # Four of the 3,533 relations stand there twice.
    assert first.of("dependencies") == {"created": 3529, "skipped": 4}
    kinds = dict(Dependency.objects.values_list("kind").annotate(number=Count("id")))
    assert kinds == {"FS": 3092, "SS": 308, "FF": 115, "SF": 14}
    assert Dependency.objects.filter(lag__lt=0).exists()

    dormant = Milestone.objects.get(program__external_key="C2011-05", external_key="1")
    assert (dormant.name, dormant.work_likely) == ("order license", 24 * 60)
    assert str(dormant.started_on) == "2011-05-18"
    assert str(dormant.done_on) == "2011-05-20"
    assert dormant.team is not None
    assert dormant.team.calendar is not None

    calendars = json.loads((DSLIB / "calendars.json").read_text())
    assert WorkingCalendar.objects.filter(name__endswith=" hours").count() == 67
    assert Holiday.objects.count() == sum(len(c["holidays"]) for c in calendars.values())
    for project, calendar in calendars.items():
        hours = WorkingCalendar.objects.get(name=f"{project} hours")
        working = 60 * len(calendar["working_hours"])
        assert hours.minutes == tuple(0 if day in calendar["nonworking_weekdays"] else working for day in range(7))

    ends = Program.objects.annotate(ends=Count("milestones", filter=Q(milestones__is_end=True)))
    assert set(ends.values_list("ends", flat=True)) == {1}

    second = run_import(DSLIB, mapping=MAPPINGS / "dslib.json")
    assert second.of("milestones") == {"unchanged": 3592}
    assert second.of("dependencies") == {"unchanged": 3529, "skipped": 4}
    assert second.of("calendars") == {"unchanged": 67}


@needs_data
def test_tracker_export_becomes_issues_of_programs(run_import: Import, tmp_path: Path) -> None:
    """A tracker's own layout: repeated headers, its own dates, programs and issues from one file."""
    mapping = tmp_path / "mapping.json"
    mapping.write_text(
        json.dumps(
            {
                "tables": [
                    {
                        "noun": "programs",
                        "files": "jira_*.csv",
                        "distinct": True,
                        "fields": {"external_key": "Project key", "name": "Project name"},
                    },
                    {
                        "noun": "issues",
                        "files": "jira_*.csv",
                        "fields": {
                            "program": "Project key",
                            "external_key": "Issue key",
                            "title": {"column": "Summary", "cut": 200},
                            "note": "Component/s",
                            "raised_on": {"column": "Created", "date": "%d/%b/%y %I:%M %p"},
                            "closed_on": {"column": "Resolved", "date": "%d/%b/%y %I:%M %p"},
                        },
                    },
                ]
            }
        )
    )
    result = run_import(SHARED / "data" / "D_tracker_exports" / "jira_export_style.csv", mapping=mapping)
    assert result.code == 0, result.said
    assert result.of("issues") == {"created": 223}
    components = [issue.note for program in Program.objects.all() for issue in program.issues.all() if issue.note]
    assert any(len(note.splitlines()) > 1 for note in components)


def test_pairs_of_rows_have_the_numbers_that_a_spreadsheet_shows(run_import: Import, tmp_path: Path) -> None:
    path = tmp_path / "programs.csv"
    path.write_text('key,name\nA1,"two\nlines"\n\nB2,\nC3,\n')
    said = run_import(path).said
    rows = [int(line.split("row ")[1].split(",")[0]) for line in said.splitlines() if "row " in line]
    assert rows == [4, 5]
    assert all(a < b for a, b in pairwise(rows))
