"""A long import is a job that one may leave: found by a sweep, all or nothing, told in the inbox and by the API."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

import integrations.services
from integrations.models import Upload, UploadedFile
from integrations.services import MOST_AT_ONCE, MOST_TRIES, carry_out_next
from people.models import Job, User
from programs.models import Program
from tests.conftest import FRIDAY, NOON, Api, Cast

ROWS = MOST_AT_ONCE + 1
TABLE = "key,name\n" + "".join(f"L{n},Long {n}\n" for n in range(ROWS))
REFUSED = TABLE + "L9,Twice\nL9,Thrice\n,\n"


def work() -> Job | None:
    return carry_out_next(at=NOON, today=FRIDAY)


@pytest.fixture
def admin(cast: Cast, sign_in: Any) -> Client:
    client: Client = sign_in(cast.admin)
    return client


def upload(client: Client, text: str = TABLE) -> str:
    answer = client.post("/import", {"tables": [SimpleUploadedFile("programs.csv", text.encode())]})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def long_programs() -> int:
    return Program.objects.filter(name__startswith="Long").count()


def test_one_leaves_and_finds_the_result_in_the_inbox(cast: Cast, admin: Client, sign_in: Any) -> None:
    where = upload(admin)
    pk = Upload.objects.get().pk
    assert where == f"/import/{pk}/job"
    assert "You may leave this page" in admin.get(where).text
    assert admin.get(f"/import/{pk}")["Location"] == where
    assert "Check programs.csv" in admin.get("/inbox").text
    assert "Under way." in admin.get("/inbox").text
    work()
    assert long_programs() == 0
    # Who waits is led on, with a script and without.
    assert admin.get(where)["Location"] == f"/import/{pk}"
    assert admin.get(where, headers={"HX-Request": "true"})["HX-Redirect"] == f"/import/{pk}"
    assert f"programs: {ROWS} created" in admin.get("/inbox").text
    # It is counted on every page until it is read, and left to be put away.
    assert '1<span class="sr-only"> unread or waiting' in admin.get("/teams").text
    assert admin.post(f"/jobs/{Job.objects.get().pk}/open")["Location"] == where
    assert '<span class="sr-only"> unread or waiting' not in admin.get("/inbox").text

    assert admin.post(f"/import/{pk}/run")["Location"] == where
    assert admin.post(f"/import/{pk}/run")["Location"] == where  # sent twice it is one job
    assert Job.objects.count() == 1
    work()
    assert work() is None
    assert long_programs() == ROWS
    assert not UploadedFile.objects.exists()
    assert "All of it is imported." in admin.get(f"/import/{pk}").text
    inbox = admin.get("/inbox").text
    assert f"Imported: programs: {ROWS} created." in inbox
    assert '1<span class="sr-only"> unread or waiting' in inbox
    admin.post("/inbox/read")
    job = Job.objects.get()
    assert job.read_at
    assert "Import programs.csv" not in sign_in(cast.lead).get("/inbox").text
    assert sign_in(cast.lead).post(f"/jobs/{job.pk}/done").status_code == 404
    admin.post(f"/jobs/{job.pk}/done")
    assert "Import programs.csv" not in admin.get("/inbox").text


def test_what_is_refused_is_told_and_nothing_is_written(admin: Client) -> None:
    upload(admin, REFUSED)
    pk = Upload.objects.get().pk
    job = work()
    assert job
    assert not job.is_good
    assert "Nothing was imported: some rows are refused." in job.result
    page = admin.get(f"/import/{pk}").text
    assert "nothing can be imported yet" in page
    assert long_programs() == 0
    admin.post(f"/import/{pk}/discard")
    assert not Upload.objects.exists()
    assert not Job.objects.exists()


def test_small_imports_are_immediate(admin: Client) -> None:
    assert not upload(admin, "key,name\nL1,Long 1\n").endswith("/job")
    assert not Job.objects.exists()


def test_one_that_breaks_half_way_leaves_nothing_and_is_given_up(
    cast: Cast, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(admin)
    Upload.objects.update(dry_run=False)

    def halt(done: int, of: int) -> None:
        assert of == ROWS
        if done > ROWS // 2:
            raise RuntimeError("The worker's memory is gone.")

    for _ in range(MOST_TRIES):
        with pytest.raises(RuntimeError):
            carry_out_next(at=NOON, today=FRIDAY, tell=lambda job: halt)
        assert long_programs() == 0
    job = work()
    assert job
    assert (job.is_good, job.result) == (False, "It broke each time. Nothing was imported.")
    assert work() is None


def test_who_may_no_longer_import_imports_nothing(cast: Cast, admin: Client) -> None:
    upload(admin)
    Upload.objects.update(dry_run=False)
    User.objects.filter(pk=cast.admin.pk).update(is_admin=False)
    job = work()
    assert job
    assert not job.is_good
    assert long_programs() == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_it_once(cast: Cast, admin: Client) -> None:
    upload(admin)
    Upload.objects.update(dry_run=False)
    found: list[Job | None] = []
    together = threading.Barrier(2)

    def run() -> None:
        together.wait()
        try:
            found.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([job for job in found if job]) == 1
    assert long_programs() == ROWS


def test_old_ones_go_with_their_jobs_but_none_that_waits(cast: Cast, admin: Client) -> None:
    upload(admin)
    later = NOON + timedelta(days=400)
    integrations.services.take_files(files=[], mapping=None, by=cast.admin, at=later)
    assert Job.objects.count() == 1
    work()
    integrations.services.take_files(files=[], mapping=None, by=cast.admin, at=later)
    assert not Job.objects.exists()


def test_the_api_answers_202_and_says_how_far_it_is(cast: Cast) -> None:
    api = Api(cast.admin)
    body = {"files": [{"name": "programs.csv", "text": TABLE}]}
    for who in (cast.lead, cast.outsider):
        assert Api(who).post("imports", body).status_code == 403
    assert Api(cast.admin, ["read"]).post("imports", body).status_code == 403
    asked = api.post("imports", body)
    assert asked.status_code == 202
    where = asked["Location"].removeprefix("/api/v1/")
    assert where == f"imports/{asked.json()['id']}"
    assert api.get(where).json()["state"] == "waiting"
    assert Api(cast.lead).get(where).status_code == 403
    work()
    done = api.get(where).json()
    assert done["state"] == "done"
    assert done["report"]["written"] is True
    assert done["report"]["counts"]["programs"]["created"] == ROWS
    assert api.get("inbox").json()["jobs"][0]["result"] == f"Imported: programs: {ROWS} created."

    # Few rows are answered at once, and leave nothing that waits.
    small = {"files": [{"name": "programs.csv", "text": "key,name\nS1,Small\n"}]}
    tried = api.post("imports", small | {"dry_run": True})
    assert (tried.status_code, tried.json()["state"], tried.json()["report"]["written"]) == (200, "done", False)
    assert api.post("imports", small).json()["report"]["written"] is True
    refused = api.post("imports", {"files": [{"name": "programs.csv", "text": "key,name\nS2,\n"}]})
    assert refused.json()["state"] == "failed"
    assert api.post("imports", small | {"mapping": {"tables": 7}}).status_code == 422
    assert Upload.objects.count() == 1
