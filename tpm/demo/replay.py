"""Fourteen weeks of a portfolio's life, replayed through the services with the clock passed in.

What really happens is laid out first, in working days: when each milestone starts and finishes. Then each Friday
people tell what they know by then: starts, finishes, what remains, new estimates, measurements, updates. Forecasts and
health are computed after each Friday from what was told, never written by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

import forecasts.services
import history
import metrics.services
import milestones.services
import people.services
import programs.services
import reports.reviews.services
import reports.updates.services
import risks.services
from forecasts.models import MilestoneForecast
from metrics.models import KPI
from milestones.models import Dependency, Milestone, SlipCause
from people.models import Team, User
from programs.models import Objective, Phase, Program
from reports.models import Update
from reports.updates.drafting.lines import prefilled
from reports.updates.looking import drafted_of
from risks.models import Assumption, Decision, Risk
from risks.recurring import Kind, find
from tpm.demo.letters import promise_letters
from tpm.demo.portfolio import (
    CAUSES,
    HAND_OFFS,
    HOME,
    OBJECTIVES,
    PASSWORD,
    PROGRAMS,
    SPONSOR,
    TEAMS,
    VIEWER,
    ZONES,
    ProgramSpec,
)
from tpm.demo.talk import speak

WEEKS = 14
DAY = 480  # working minutes
# Before the replay begins every program had a start like this one.
SET_UP = """
    Set-up
    chart; Charter agreed; 8; 8; -
    staff; Team staffed; 12; 13
    design; Design reviewed; 15; 15
"""
# Program: the week in which its target moved, by how many days, and why.
# Days that each target leaves between the plan and P80: what a sponsor was promised beyond the plan.
RESERVE_DAYS = {
    "GPU": 54, "NA4": 43, "OST": 37, "BLD": 41, "DR": 29, "EDGE": 45, "ZT": 25, "IDP": 27, "FLEET": 16, "OBS": 12,
    "COST": 17,
}  # fmt: skip
RETARGETED = {"OST": (6, 14, "Scope added"), "DR": (8, 10, "Waiting for another team")}
# Of the newest review and the one before: program, what was agreed, days until it is due, whether it is done.
REVIEWED = (
    (
        ("NA4", "Get a price for chillers for rows 1 to 12", 7, False),
        ("GPU", "Show what a launch without topology-aware packing costs", 5, False),
    ),
    (
        ("OST", "Name the ten tenants that move first", 9, False),
        ("BLD", "Agree a second date for the connector with its vendor", 7, True),
    ),
)
# Nobody decides the gates of these: they are overdue.
FORGOTTEN_GATES = ["EDGE"]
# By these weeks people have understood so much of how long work really takes.
UNDERSTOOD = ((12, 1.0), (9, 0.7), (5, 0.35), (0, 0.0))


def email_of(name: str) -> str:
    plain = name.lower().replace("á", "a").replace("č", "c")
    return f"{plain.split()[0]}.{plain.split()[-1]}@example.com"


@dataclass
class Step:
    """A milestone of the plan, and how it really goes: working days from today, the end exclusive."""

    key: str
    workstream: str
    name: str
    planned: int
    actual: int
    waits_for: list[str]
    start: int = 0
    finish: int = 0

    def estimate(self, week: int) -> int:
        """Days that people think it takes, in a week of the replay."""
        known = next(share for from_week, share in UNDERSTOOD if week >= from_week)
        return round(self.planned + (self.actual - self.planned) * known)


def lay_out() -> dict[str, Step]:
    """All milestones of the portfolio with their real start and finish, from ``PROGRAM:code``."""
    steps: dict[str, Step] = {}
    for spec in PROGRAMS:
        stream, above = "", ""
        for line in ((SET_UP if spec.slip is not None else "") + spec.plan).splitlines():
            parts = [part.strip() for part in line.split(";")]
            if len(parts) == 1:
                stream, above = parts[0] or stream, ""
                continue
            code, name, planned, actual = parts[:4]
            named = [part.strip() for part in parts[4].split(",")] if len(parts) == 5 else [above]
            waits_for = [one if ":" in one else f"{spec.key}:{one}" for one in named if one not in ("", "-")]
            key = f"{spec.key}:{code}"
            steps[key] = Step(key, stream, name, int(planned), int(actual), waits_for)
            above = code
    begins = {spec.key: -spec.started for spec in PROGRAMS}

    def place(step: Step) -> int:
        if not step.finish:
            earliest = begins[step.key.split(":")[0]]
            step.start = max([earliest, *(place(steps[key]) for key in step.waits_for)])
            step.finish = step.start + step.actual
        return step.finish

    for step in steps.values():
        place(step)
    return steps


class Replay:
    """One replay, relative to the organisation's day at ``now``. ``say`` is told what goes on."""

    def __init__(self, *, now: datetime, say: Callable[[str], None]) -> None:
        self.now, self.say = now, say
        self.today = now.astimezone(ZoneInfo(HOME)).date()
        self.last_friday = self.today - timedelta(days=(self.today.weekday() - 4) % 7 or 7)
        self.steps = lay_out()
        self.milestones: dict[str, Milestone] = {}
        self.programs: dict[str, Program] = {}
        self.kpis: dict[tuple[str, str], KPI] = {}

    # -- days --------------------------------------------------------------------------------------------------------

    @cached_property
    def day_zero(self) -> date:
        """The last working day up to today."""
        return self.today - timedelta(days=max(0, self.today.weekday() - 4))

    def day(self, working_days: int) -> date:
        """The date so many working days from today."""
        weeks, rest = divmod(self.day_zero.weekday() + working_days, 5)
        return self.day_zero + timedelta(days=7 * weeks + rest - self.day_zero.weekday())

    def friday(self, week: int) -> date:
        return self.last_friday - timedelta(weeks=WEEKS - 1 - week)

    def moment(self, week: int) -> datetime:
        return datetime.combine(self.friday(week), time(15), UTC)

    # -- the whole replay --------------------------------------------------------------------------------------------

    def run(self) -> None:
        with history.replaying(self.moment(0)):
            self.set_up()
        for week in range(WEEKS):
            self.say(f"Week {week + 1} of {WEEKS}")
            with history.replaying(self.moment(week)):
                self.live_through(week, self.friday(week), self.moment(week))
            self.forecast(self.friday(week), self.moment(week))
            with history.replaying(self.moment(week)):
                self.conclude(week, self.moment(week))
            self.forecast(self.friday(week), self.moment(week))
        self.since_friday()

    def forecast(self, day: date, at: datetime) -> None:
        ids = list(Program.objects.order_by("id").values_list("id", flat=True))
        forecasts.services.bring_up_to_date(program_ids=ids, today=day, at=at)

    # -- week by week ------------------------------------------------------------------------------------------------

    def set_up(self) -> None:
        people.services.set_up_organisation(name="Infrastructure", time_zone=HOME)
        self.people: dict[str, User] = {}
        for name, zone in ZONES.items():
            self.people[name] = people.services.create_user(
                email=email_of(name), name=name, password=PASSWORD, by=None, time_zone=zone, is_admin=name == SPONSOR
            )
        admin = self.people[SPONSOR]
        self.teams: dict[str, Team] = {
            name: people.services.create_team(name=name, by=admin, capacity_days=Decimal(days))
            for name, days in TEAMS.items()
        }
        for spec in PROGRAMS:
            people.services.set_members(team=self.teams[spec.team], members=[self.people[spec.lead]], by=admin)
        self.causes: dict[str, SlipCause] = {
            name: SlipCause.objects.filter(name=name).first()
            or milestones.services.create_slip_cause(by=admin, name=name, position=place)
            for place, name in enumerate(CAUSES)
        }
        self.objectives: dict[str, Objective] = {
            title: programs.services.create_objective(
                by=admin,
                title=title,
                measure=measure,
                owner=admin,
                start_value=Decimal(start),
                current_value=Decimal(now),
                target_value=Decimal(target),
                period_start_on=date(self.today.year, 1, 1),
                period_end_on=date(self.today.year + 1, 12, 31),
            )
            for title, (measure, start, now, target) in OBJECTIVES.items()
        }

    def target(self, spec: ProgramSpec) -> date:
        """The target as it is today: the real end less the days that it slips by; without work, half a year out."""
        if spec.slip is None:
            return self.day(125)
        end = self.day(self.steps[f"{spec.key}:{spec.end}"].finish - 1)
        return end + timedelta(days=RESERVE_DAYS[spec.key] - spec.slip)

    def begin(self, spec: ProgramSpec, rank: int, week: int) -> None:
        """Create a program with its whole plan as it was first thought of."""
        admin, lead, friday = self.people[SPONSOR], self.people[spec.lead], self.friday(week)
        moved = RETARGETED.get(spec.key)
        program = programs.services.create_program(
            by=admin,
            key=spec.key,
            name=spec.name,
            summary=spec.summary,
            area="Infrastructure",
            lead=lead,
            sponsor=admin,
            owning_team=self.teams[spec.team],
            partner_teams=[self.teams[name] for name in spec.partners],
            objectives=[self.objectives[spec.objective]],
            rank=rank,
            target_on=self.target(spec) - timedelta(days=moved[1] if moved else 0),
        )
        self.programs[spec.key] = program
        own = [step for step in self.steps.values() if step.key.startswith(f"{spec.key}:")]
        streams = {
            name: milestones.services.create_workstream(program=program, by=lead, name=name, position=place)
            for place, name in enumerate(dict.fromkeys(step.workstream for step in own))
        }
        for step in own:
            work = step.planned * DAY or None
            begins = not step.waits_for and spec.slip is not None
            self.milestones[step.key] = milestones.services.create_milestone(
                program=program,
                by=lead,
                today=friday,
                name=step.name,
                workstream=streams[step.workstream],
                owner=lead,
                team=self.teams[spec.team],
                is_end=step.key == f"{spec.key}:{spec.end}",
                kind=Milestone.Kind.LAUNCH if step.key == f"{spec.key}:{spec.end}" else Milestone.Kind.DELIVERABLE,
                work_low=work and round(step.planned * 0.85) * DAY,
                work_likely=work,
                work_high=work and round(step.planned * 1.5 + 1) * DAY,
                demand_days=_people_days(TEAMS[spec.team], step.planned) if work else None,
                not_before_on=self.day(step.start) if begins else None,
            )
        for place, kind in enumerate(Phase.Kind):
            programs.services.create_phase(
                program=program,
                by=lead,
                kind=kind,
                approver=admin,
                gate_on=self.day(-spec.started + 15 + 40 * place),
            )
        programs.services.create_slot(
            program=program, by=lead, title="Technical lead", team=self.teams[spec.team], person=lead, agreed_on=friday
        )
        programs.services.create_slot(program=program, by=lead, title="Site reliability", team=self.teams["Resilience"])
        for line in spec.requirements:
            priority, _, text = line.partition(": ")
            text, _, reason = text.partition(" | ")
            milestones.services.create_requirement(
                program=program,
                by=lead,
                today=friday,
                text=text,
                priority=priority if priority != "out" else "could",
                in_scope=priority != "out",
                scope_reason=reason,
                milestone=self.milestones[f"{spec.key}:{spec.end}"] if priority == "must" else None,
            )
        for kpi in spec.kpis:
            self.kpis[spec.key, kpi.name] = metrics.services.create_kpi(
                program=program,
                by=lead,
                name=kpi.name,
                unit=kpi.unit,
                direction=kpi.direction,
                start_value=_number(kpi.start),
                start_on=friday,
                target_value=_number(kpi.target),
                target_on=max(self.target(spec), friday + timedelta(days=30)),
                limit_value=None if kpi.limit is None else _number(kpi.limit),
                owner=lead,
            )

    def link_up(self, *, friday: date, at: datetime) -> None:
        """Make the links whose both ends exist."""
        linked = set(Dependency.objects.values_list("predecessor_id", "successor_id"))
        for step in self.steps.values():
            for key in step.waits_for:
                giver, receiver = self.milestones.get(key), self.milestones.get(step.key)
                if giver is None or receiver is None or (giver.pk, receiver.pk) in linked:
                    continue
                dependency = milestones.services.link(
                    predecessor=giver, successor=receiver, by=self._lead(step.key), **self._terms(key, step.key)
                )
                agreement = HAND_OFFS.get((key, step.key), (0, 0, ""))[2]
                if agreement in ("accepted", "delivered"):
                    milestones.services.answer_hand_off(
                        dependency=dependency, agreement="accepted", by=self._lead(key), on=friday, at=at
                    )

    def _terms(self, giver: str, receiver: str) -> dict[str, Any]:
        if (giver, receiver) not in HAND_OFFS:
            return {}
        needed, promised, _ = HAND_OFFS[giver, receiver]
        finish = self.steps[giver].finish - 1
        # Ten working days sooner than what is promised today: the promise moves once, with its cause.
        return {"need_by_on": self.day(finish + needed), "promised_on": self.day(finish + promised - 10)}

    def _lead(self, key: str) -> User:
        return self.people[next(spec.lead for spec in PROGRAMS if spec.key == key.split(":")[0])]

    def live_through(self, week: int, friday: date, at: datetime) -> None:
        """What people enter up to a Friday."""
        ago = WEEKS - 1 - week
        for rank, spec in enumerate(PROGRAMS, start=1):
            if spec.key not in self.programs and (self.day(-spec.started) <= friday or week == WEEKS - 1):
                self.begin(spec, rank, week)
        self.link_up(friday=friday, at=at)
        for key in self.milestones:
            self.progress(key, week, friday, at)
        for phase in Phase.objects.filter(decision="", gate_on__lte=friday).exclude(program__key__in=FORGOTTEN_GATES):
            programs.services.decide_gate(
                phase=phase, decision=Phase.Decision.PASSED, by=self.people[SPONSOR], on=friday
            )
        for spec in PROGRAMS:
            if spec.key not in self.programs:
                continue
            program, lead = self.programs[spec.key], self.people[spec.lead]
            self._measure(spec, week, friday)
            for risk in spec.risks:
                if risk.week == ago or (week == 0 and risk.week >= ago):
                    self._raise(spec, program, risk.title, friday)
                elif risk.closed_week == ago:
                    row = Risk.objects.get(program=program, title=risk.title)
                    risks.services.close_risk(risk=row, by=lead, on=friday, because="Agreed and no longer possible.")
            for decision in spec.decisions:
                if decision.week == ago:
                    risks.services.create_decision(
                        program=program,
                        by=lead,
                        today=friday,
                        question=decision.question,
                        options=decision.options,
                        decider=self.people[SPONSOR],
                        decide_by_on=max(self.today + timedelta(days=decision.due), friday + timedelta(days=7)),
                    )
            moved = RETARGETED.get(spec.key)
            if moved and moved[0] == week:
                milestones.services.move_program_target(
                    program=program,
                    by=lead,
                    at=at,
                    cause=self.causes[moved[2]],
                    note="Agreed with the sponsor.",
                    target_on=self.target(spec),
                )
        if week == 7:
            self._move_promises(at)
        self._tell_of_the_utility(ago, friday)
        if ago == 1:
            risks.services.create_issue(
                program=self.programs["NA4"],
                by=self._lead("NA4:cool"),
                today=friday,
                title="Two chiller pumps failed their test",
                owner=self._lead("NA4:cool"),
                milestone=self.milestones["NA4:cool"],
                due_on=friday + timedelta(days=10),
            )
            risks.services.create_assumption(
                program=self.programs["NA4"],
                by=self._lead("NA4:burn"),
                text="Burn-in is staffed over the holidays.",
                owner=self._lead("NA4:burn"),
                expires_on=friday + timedelta(days=30),
            )

    def _tell_of_the_utility(self, ago: int, friday: date) -> None:
        """An issue and an assumption on energization, which end on the day that it is done."""
        program, lead, step = self.programs["NA4"], self._lead("NA4:ue"), self.milestones["NA4:ue"]
        if ago == 3:
            risks.services.create_issue(
                program=program,
                by=lead,
                today=friday,
                title="Utility crew reassigned to storm repair",
                owner=lead,
                milestone=step,
                due_on=friday + timedelta(days=10),
            )
            risks.services.create_assumption(
                program=program,
                by=lead,
                text="The utility keeps its energization slot.",
                owner=lead,
                expires_on=friday + timedelta(days=30),
            )
        if step.done_on:
            for issue in program.issues.open().filter(milestone=step):
                risks.services.close_issue(issue=issue, by=lead, on=step.done_on)
            for held in program.assumptions.filter(state=Assumption.State.OPEN, text__contains="energization"):
                risks.services.change_assumption(assumption=held, by=lead, state=Assumption.State.CONFIRMED)

    def progress(self, key: str, week: int, friday: date, at: datetime) -> None:
        """Tell what is known of a milestone: estimate, start, what remains, done."""
        step, milestone, lead = self.steps[key], self.milestones[key], self._lead(key)
        if milestone.done_on or not step.planned:
            return
        changes: dict[str, Any] = {}
        begun, ended = self.day(step.start), self.day(step.finish - 1)
        days = step.estimate(week)
        if begun <= friday:
            gone = sum((begun + timedelta(days=n)).weekday() < 5 for n in range((friday - begun).days + 1))
            changes = {"started_on": begun, "remaining": max(1, days - gone) * DAY}
            if ended <= friday:
                changes = {"started_on": begun, "done_on": ended}
        elif days * DAY != milestone.work_likely:
            changes = {"work_likely": days * DAY, "work_high": max(milestone.work_high or 0, days * DAY)}
        self.milestones[key] = milestones.services.change_milestone(
            milestone=milestone, by=lead, today=friday, at=at, **changes
        )
        if "done_on" in changes:
            for (giver, receiver), (_, _, agreement) in HAND_OFFS.items():
                if giver == key and agreement == "delivered":
                    row = Dependency.objects.get(predecessor=milestone, successor=self.milestones[receiver])
                    milestones.services.answer_hand_off(
                        dependency=row, agreement="delivered", by=lead, on=friday, at=at
                    )

    def conclude(self, week: int, at: datetime) -> None:
        """With the new forecast in sight: baselines in the first week, then what each lead says."""
        ago, friday = WEEKS - 1 - week, self.friday(week)
        for spec in PROGRAMS:
            program = self.programs.get(spec.key)
            if program is None:
                continue
            lead = self.people[spec.lead]
            dates = dict(MilestoneForecast.objects.filter(program=program).values_list("milestone_id", "finish_on"))
            if dates and not program.baselines.exists():
                milestones.services.approve_baseline(
                    program=program, name="Baseline 1", dates=dates, by=lead, on=friday
                )
                self._promise(spec, dates, friday, at)
            if ago < spec.silent_weeks:
                continue
            before, lately = spec.reports
            health = lately if ago < 4 else before
            self.publish(spec, health, at, ago=ago, drafted=ago == 0)

    def _promise(self, spec: ProgramSpec, dates: dict[int, date], friday: date, at: datetime) -> None:
        """Promise what others wait for, and the last of each workstream, for the week it is planned in."""
        own = [step for step in self.steps.values() if step.key.startswith(f"{spec.key}:")]
        last = {step.workstream: step.key for step in own}.values()
        waited_for = {
            key
            for step in self.steps.values()
            for key in step.waits_for
            if key in self.milestones and self.steps[key].workstream != step.workstream
        }
        for step in own:
            row = self.milestones[step.key]
            finish = dates.get(row.pk)
            if finish is None or finish <= friday or step.key.endswith(f":{spec.end}"):
                continue
            if step.key in waited_for or step.key in last:
                milestones.services.change_milestone(
                    milestone=row,
                    by=self.people[spec.lead],
                    today=friday,
                    at=at,
                    target_on=finish + timedelta(days=(4 - finish.weekday()) % 7),
                )

    def publish(self, spec: ProgramSpec, health: str, at: datetime, *, ago: int = 0, drafted: bool = False) -> Update:
        """What a lead says of a week; ``drafted`` with the sentences that the records give."""
        lead, program = self.people[spec.lead], self.programs[spec.key]
        sentences = drafted_of(Update(program=program), at) if drafted else []
        because = spec.said(ago)
        text = f"{because}\n\n{prefilled(sentences)}" if drafted else because
        said: dict[str, Any] = {"health": health, "text": text, "ask": spec.ask if ago < 4 else ""}
        if health != "on_track":
            said |= {
                "cause": because,
                "path_to_green": "Re-plan the longest path with the givers this week.",
                "path_owner": lead,
                "path_on": at.date() + timedelta(days=28),
            }
        update = reports.updates.services.begin_update(program=program, by=lead, at=at, drafted=sentences, **said)
        return reports.updates.services.publish_update(update=update, by=lead, at=at)

    # -- parts -------------------------------------------------------------------------------------------------------

    def _raise(self, spec: ProgramSpec, program: Program, title: str, friday: date) -> None:
        risk = next(one for one in spec.risks if one.title == title)
        milestone = self.milestones[f"{spec.key}:{risk.milestone}"]
        low, likely, high = (days * DAY for days in risk.days)
        lead = self.people[spec.lead]
        row = risks.services.create_risk(
            program=program,
            by=lead,
            today=friday,
            title=risk.title,
            probability=_number(risk.probability),
            residual_probability=None if risk.residual is None else _number(risk.residual),
            likelihood_score=risk.likelihood,
            impact_score=risk.impact,
            response=risk.response,
            owner=lead,
            review_on=self.today + timedelta(days=14),
            impacts=[]
            if milestone.done_on
            else [risks.services.Impact(milestone=milestone, low=low, likely=likely, high=high)],
        )
        if risk.action:
            risks.services.create_action(
                risk=row, by=lead, text=risk.action, owner=lead, due_on=friday + timedelta(days=28)
            )

    def _measure(self, spec: ProgramSpec, week: int, friday: date) -> None:
        for kpi in spec.kpis:
            share = week / (WEEKS - 1)
            # A little noise that is the same in every replay, none in the last week.
            noise = (crc32(f"{spec.key}{kpi.name}{week}".encode()) % 100 / 100 - 0.5) * 0.12 * (week < WEEKS - 1)
            value = kpi.start + (kpi.latest - kpi.start) * min(1.0, max(0.0, share + noise))
            places = 0 if float(kpi.latest).is_integer() and float(kpi.start).is_integer() else 1
            metrics.services.measure(
                kpi=self.kpis[spec.key, kpi.name],
                on=friday,
                value=_number(round(value, places)),
                by=self.people[spec.lead],
                today=friday,
            )

    def _move_promises(self, at: datetime) -> None:
        for giver, receiver in HAND_OFFS:
            row = Dependency.objects.filter(
                predecessor=self.milestones[giver], successor=self.milestones[receiver]
            ).first()
            if row and row.promised_on:
                milestones.services.change_dependency(
                    dependency=row,
                    by=self._lead(giver),
                    at=at,
                    cause=self.causes["Estimate was too low"],
                    reason="Two weeks later than first thought.",
                    promised_on=self.day(self.steps[giver].finish - 1 + HAND_OFFS[giver, receiver][1]),
                )

    def since_friday(self) -> None:
        """What has changed between the last Friday and now: what a lead wants to see first."""
        began = self.moment(WEEKS - 1)

        def at(share: float) -> datetime:
            return began + (self.now - began) * share

        def lead(key: str) -> User:
            return self._lead(f"{key}:")

        spec = {spec.key: spec for spec in PROGRAMS}
        with history.replaying(at(0.15)):
            late = self.milestones["GPU:wave1"]
            milestones.services.change_milestone(
                milestone=late,
                by=lead("GPU"),
                today=self.today,
                at=at(0.15),
                reason="Racking needs a second pass.",
                work_likely=(late.work_likely or 0) + 4 * DAY,
                work_high=(late.work_high or 0) + 6 * DAY,
            )
        with history.replaying(at(0.3)):
            risks.services.create_risk(
                program=self.programs["OBS"],
                by=lead("OBS"),
                today=people.services.today(at(0.3)),
                title="Agent memory on small hosts",
                probability=_number(0.2),
                likelihood_score=2,
                impact_score=2,
                owner=lead("OBS"),
                impacts=[risks.services.Impact(milestone=self.milestones["OBS:r100"], low=960, likely=1920, high=3840)],
            )
        with history.replaying(at(0.4)):
            self._review(at(0.4))
        with history.replaying(at(0.45)):
            for key, question, answer in (
                (
                    "DR",
                    "Accept a 15 minute recovery point for tier 3?",
                    "Accepted: the replication milestone is dropped.",
                ),
                ("NA4", "Launch on a single utility feed?", "No: N+1 power stays for day one."),
            ):
                row = Decision.objects.get(program=self.programs[key], question=question)
                risks.services.decide(
                    decision=row, by=self.people[SPONSOR], on=people.services.today(at(0.45)), answer=answer
                )
        with history.replaying(at(0.5)):
            self._own_a_problem(lead("NA4"), people.services.today(at(0.5)))
        with history.replaying(at(0.6)):
            self._hand_off_later(at(0.6))
        with history.replaying(at(0.7)):
            action = Risk.objects.get(program=self.programs["EDGE"]).actions.get()
            risks.services.change_action(action=action, by=lead("EDGE"), done_on=self.today)
            kpi = self.kpis["FLEET", "Clusters upgraded"]
            if self.today > self.last_friday:
                metrics.services.measure(
                    kpi=kpi,
                    on=self.today,
                    value=Decimal(71),
                    by=lead("FLEET"),
                    today=self.today,
                    note="Batch 5, in part",
                )
        with history.replaying(at(0.8)):
            wrong = self.publish(spec["NA4"], spec["NA4"].reports[1], at(0.8), drafted=True)
            self.publish(spec["GPU"], spec["GPU"].reports[1], at(0.8), drafted=True)
        with history.replaying(at(0.85)):
            self._correct(wrong, at(0.85))
        for key in self.milestones:
            with history.replaying(at(0.9)):
                self.progress(key, WEEKS, self.today, at(0.9))
        speak(
            programs=self.programs,
            milestones=self.milestones,
            sponsor=self.people[SPONSOR],
            viewer=self.people[VIEWER],
            lead=lead,
            at=at,
        )
        self.forecast(self.today, at(0.95))
        with history.replaying(at(0.97)):
            for key in ("NA4", "IDP"):
                self._draft(spec[key], at(0.97))
        # Readers for a week already, so that this week's letter is due.
        promise_letters(
            program=self.programs["NA4"],
            lead=self.people["Priya Raman"],
            readers=[self.people[name] for name in (SPONSOR, "Priya Raman", VIEWER)],
            at=self.now - timedelta(days=7),
        )

    def _review(self, at: datetime) -> None:
        """Two meetings: what was agreed in the first, half of it done by the second."""
        chair, day = self.people[SPONSOR], people.services.today(at)
        for ago, agreed in enumerate(REVIEWED):
            held_on = day - timedelta(weeks=ago)
            row = reports.reviews.services.hold_review(by=chair, held_on=held_on)
            for key, text, due, is_done in agreed:
                reports.reviews.services.take_action(
                    review=row,
                    by=chair,
                    program=self.programs[key],
                    owner=self._lead(f"{key}:"),
                    text=text,
                    due_on=held_on + timedelta(days=due),
                    done_on=day if is_done else None,
                )

    def _draft(self, spec: ProgramSpec, at: datetime) -> None:
        """What a lead has begun to write, with what carries over from the last time."""
        program, lead = self.programs[spec.key], self.people[spec.lead]
        last = program.updates.published().latest("published_at")
        carried = {name: getattr(last, name) for name in ("health", "cause", "path_to_green", "path_owner", "path_on")}
        drafted = drafted_of(Update(program=program), at)
        carried |= {"drafted": drafted, "text": prefilled(drafted)}
        reports.updates.services.begin_update(program=program, by=lead, at=at, **carried)

    def _correct(self, update: Update, at: datetime) -> None:
        draft = reports.updates.services.begin_correction(update=update, by=update.author, at=at)
        draft = reports.updates.services.change_update(
            update=draft,
            by=update.author,
            correction="The chillers are asked for rows 1 to 12, not for the whole hall.",
            ask=f"{update.ask} For rows 1 to 12 alone.".strip(),
        )
        reports.updates.services.publish_update(update=draft, by=update.author, at=at)

    def _own_a_problem(self, owner: User, today: date) -> None:
        """Somebody makes a problem of the cause that costs most."""
        worst = next(one for one in find(owner, today=today, zone=UTC) if one.kind is Kind.CAUSE)
        risks.services.open_problem(
            by=owner,
            today=today,
            title=f"{worst.name}, in one program after the other",
            description="Each program meets it as if it were the first. What the last ones learned, kept in one place, "
            "would end most of it.",
            cause_id=worst.id,
            costs=worst.costs,
        )

    def _hand_off_later(self, at: datetime) -> None:
        row = Dependency.objects.get(predecessor=self.milestones["IDP:sso"], successor=self.milestones["BLD:off"])
        if row.promised_on:
            milestones.services.change_dependency(
                dependency=row,
                by=self._lead("IDP:sso"),
                at=at,
                cause=self.causes["Supplier late"],
                reason="The vendor ships the connector a week later.",
                promised_on=row.promised_on + timedelta(days=7),
            )


def _people_days(capacity: int, days: int) -> Decimal:
    """Two fifths of a team for so many working days: three milestones at once ask for more than it can do."""
    return Decimal(round(capacity / 5 * 0.4 * days))


def _number(value: float) -> Decimal:
    return Decimal(str(value))
