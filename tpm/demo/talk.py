"""What people of the demo say to each other since Friday, and what they watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import history
from milestones.models import Milestone
from people.models import User
from programs import talk
from programs.models import Program, Subject
from reports.models import Update
from risks.models import Risk


def speak(
    *,
    programs: Mapping[str, Program],
    milestones: Mapping[str, Milestone],
    sponsor: User,
    viewer: User,
    lead: Callable[[str], User],
    at: Callable[[float], datetime],
) -> None:
    """A few questions and answers; at the end some notices are left unread."""
    fabric, wave = milestones["NA4:fab"], milestones["GPU:wave1"]
    risk = Risk.objects.filter(program=programs["EDGE"]).earliest("pk")
    update = Update.objects.published().filter(program=programs["NA4"]).latest("published_at")
    for reader, key in ((sponsor, "NA4"), (sponsor, "GPU"), (viewer, "NA4"), (lead("NA4"), "GPU")):
        program = programs[key]
        talk.watch(program=program, kind=Subject.PROGRAM, subject_id=program.pk, by=reader, at=at(0))
    talk.watch(program=fabric.program, kind=Subject.MILESTONE, subject_id=fabric.pk, by=lead("DR"), at=at(0))
    on_fabric = (fabric.program, Subject.MILESTONE, fabric.pk)
    na4, gpu, edge = (f"@{lead(key).name}" for key in ("NA4", "GPU", "EDGE"))
    said = (
        (0.35, on_fabric, lead("DR"), f"{na4}, do the optics still come?"),
        (0.62, on_fabric, lead("NA4"), "A week later. I moved the promise."),
        (0.75, (wave.program, Subject.MILESTONE, wave.pk), lead("NA4"), f"Is the second pass all, {gpu}?"),
        (0.82, (risk.program, Subject.RISK, risk.pk), sponsor, f"{edge}, who signs the permit?"),
        (0.85, (update.program, Subject.UPDATE, update.pk), sponsor, f"Thank you, {na4}. Which feed is next?"),
    )
    for share, (program, kind, pk), by, text in said:
        with history.replaying(at(share)):
            talk.post_comment(program=program, kind=kind, subject_id=pk, text=text, by=by, at=at(share))
    for reader in (sponsor, lead("NA4"), lead("DR")):
        for notice in reader.notices.order_by("at", "pk")[:1]:
            talk.finish_notice(notice=notice, at=at(0.9))
