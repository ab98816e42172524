"""The import page: upload, choose columns, dry run, import; administrators alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from integrations.models import ImportMapping, Upload
from integrations.services import save_mapping, take_files
from milestones.models import DateMove, Milestone
from programs.models import Program
from tests.conftest import NOON, Cast

PLAN = "Ref;Task;Finish;Status;Days\nT-1;Power on;31/03/2027;WIP;5\nT-2;Cool down;30/04/2027;Finished;2\n"


@pytest.fixture
def admin(cast: Cast, sign_in: Any) -> Client:
    client: Client = sign_in(cast.admin)
    return client


def _file(name: str, text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


def _upload(client: Client, *files: SimpleUploadedFile, **more: Any) -> str:
    answer = client.post("/import", {"tables": list(files), **more})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def test_our_own_columns_are_recognised_and_imported(admin: Client) -> None:
    where = _upload(
        admin,
        _file("programs.csv", "key,name,target_on\nFLEET,GPU fleet,2027-Q1\n"),
        _file("milestones.csv", "program,name,work_likely\nFLEET,Racks,10\n"),
    )
    page = admin.get(where).content.decode()
    assert "What would happen" in page
    assert not Program.objects.filter(key="FLEET").exists()
    answer = admin.post(f"{where}/run", follow=True)
    assert "programs: 1 created; milestones: 1 created" in answer.content.decode()
    fleet = Program.objects.get(key="FLEET")
    assert (str(fleet.target_on), fleet.target_precision) == ("2027-03-31", "quarter")
    assert fleet.milestones.get().work_likely == 10 * 480
    assert not Upload.objects.exists()


def test_columns_are_chosen_saved_and_used_again(admin: Client) -> None:
    where = _upload(admin, _file("plan.csv", PLAN))
    assert where.endswith("/columns")
    assert admin.get(where).status_code == 200
    # First what the rows are, then which column goes where.
    assert admin.post(where, {"0-noun": "programs"})["Location"] == where
    page = admin.get(where).content.decode()
    assert 'name="0-state"' in page
    choice = {
        "0-noun": "programs",
        "0-external_key": ":Ref",
        "0-name": ":Task",
        "0-target_on": ":Finish",
        "0-state": ":Status",
        "0-days": "%d/%m/%Y",
    }
    nameless = admin.post(where, choice | {"0-name": ""})
    assert nameless.status_code == 422
    assert "cannot be without it" in nameless.content.decode()
    checked = admin.post(where, choice)["Location"]
    assert "does not" not in admin.get(checked).content.decode()
    assert "2 rows refused" in admin.get(checked).content.decode()
    # Now the words of the status column can be given a meaning.
    page = admin.get(where).content.decode()
    assert "“WIP”" in page
    words = dict.fromkeys(re.findall(r'name="(0-state-\d)"', page))
    assert len(words) == 2
    checked = admin.post(where, choice | {"0-state-0": "active", "0-state-1": "done"})["Location"]
    assert "refused" not in admin.get(checked).content.decode().split("What would happen")[0]
    assert admin.post(f"{checked}/mapping", {"name": "Planner"}).status_code == 302
    kept = ImportMapping.objects.get(name="Planner")
    assert kept.mapping["tables"][0]["fields"]["state"]["values"] == {"WIP": "active", "Finished": "done"}
    admin.post(f"{checked}/run")
    states = dict(Program.objects.filter(external_key__startswith="T-").values_list("key", "state"))
    assert states == {"T-1": "active", "T-2": "done"}

    again = _upload(admin, _file("plan.csv", PLAN), mapping=kept.pk)
    assert "here already" in admin.get(again).content.decode()


def test_a_mapping_with_more_than_columns_survives_the_choices(admin: Client) -> None:
    mapping = {
        "tables": [
            {
                "noun": "programs",
                "files": "plan.csv",
                "where": {"Status": "WIP"},
                "fields": {"key": {"template": "PLAN-{Days}"}, "name": "Task", "external_key": "Ref"},
            }
        ]
    }
    where = _upload(admin, _file("plan.csv", PLAN))
    admin.post(where, {"whole": "1", "mapping": json.dumps(mapping)})
    page = admin.get(where).content.decode()
    assert "as the mapping says" in page
    admin.post(where, {"0-noun": "programs", "0-key": "=", "0-name": ":Task", "0-external_key": ":Ref"})
    upload = Upload.objects.get()
    assert upload.mapping is not None
    assert upload.mapping["tables"] == mapping["tables"]
    bad = admin.post(where, {"whole": "1", "mapping": '{"tables": [{"noun": "spoon"}]}'})
    assert bad.status_code == 422
    assert "choose one of" in bad.content.decode()


def test_refusals_name_row_and_reason_and_cannot_be_imported(admin: Client) -> None:
    where = _upload(admin, _file("programs.csv", "key,name,target_on\nFLEET,GPU fleet,soon\n"))
    page = admin.get(where).content.decode()
    assert "1 row refused" in page
    assert "row 2" in page
    assert "soon" in page
    assert '<button class="btn primary" type="submit">Import</button>' not in page
    admin.post(f"{where}/run")
    assert not Program.objects.filter(key="FLEET").exists()


def test_a_promised_date_moves_with_a_cause(admin: Client, cast: Cast) -> None:
    def send(day: str) -> str:
        return _upload(
            admin, _file("milestones.csv", f"program,external_key,name,target_on\nNA4,power,Power on,{day}\n")
        )

    admin.post(f"{send('2027-01-15')}/run")
    where = send("2027-02-15")
    assert "choose a cause" in admin.get(where).content.decode()
    again = admin.post(f"{where}/run", {"cause": cast.cause.pk, "check": "1"})["Location"]
    assert "selected>Supplier late" in admin.get(again).content.decode()
    admin.post(f"{where}/run", {"cause": cast.cause.pk})
    assert str(Milestone.objects.get().target_on) == "2027-02-15"
    assert DateMove.objects.get().cause == cast.cause


def test_only_administrators_import(cast: Cast, sign_in: Any) -> None:
    upload = take_files(files=[("programs.csv", b"key,name\nA1,One\n")], mapping=None, by=cast.admin, at=NOON)
    mapping = save_mapping(
        name="One",
        mapping={"tables": [{"noun": "programs", "files": "*", "fields": {"name": "name"}}]},
        by=cast.admin,
    )
    pages = ["", f"/{upload.pk}", f"/{upload.pk}/columns", "/mappings", "/mappings/new", f"/mappings/{mapping.pk}/edit"]
    buttons = [
        "",
        f"/{upload.pk}/run",
        f"/{upload.pk}/discard",
        f"/{upload.pk}/mapping",
        f"/mappings/{mapping.pk}/delete",
    ]
    for person in (cast.lead, cast.viewer, cast.outsider):
        client = sign_in(person)
        assert {client.get(f"/import{page}").status_code for page in pages} == {403}
        assert {client.post(f"/import{button}").status_code for button in buttons} == {403}
    other = sign_in(cast.admin)
    assert "null</textarea>" not in other.get("/import/mappings/new").text
    assert other.get(f"/import/{upload.pk}/columns").status_code == 200
    assert other.post(f"/import/{upload.pk}/discard").status_code == 302
    assert not Upload.objects.exists()
    assert other.post(f"/import/mappings/{mapping.pk}/delete").status_code == 302


def test_an_upload_is_its_owners_alone_and_does_not_stay(cast: Cast, sign_in: Any) -> None:
    cast.viewer.is_admin = True
    cast.viewer.save()
    upload = take_files(files=[("programs.csv", b"key,name\nA1,One\n")], mapping=None, by=cast.admin, at=NOON)
    assert sign_in(cast.viewer).get(f"/import/{upload.pk}").status_code == 404
    take_files(files=[], mapping=None, by=cast.viewer, at=NOON.replace(day=22))
    assert not Upload.objects.filter(pk=upload.pk).exists()
