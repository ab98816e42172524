"""The demo's plan: twelve programs with people who do not exist. Days are working days.

A line of a plan is ``code; name; planned days; days it really takes; predecessors``. Without predecessors a milestone
waits for the one above it in its workstream; ``-`` waits for nothing; ``KEY:code`` is a hand-off from another program.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Where the organisation counts its days.
HOME = "Europe/Berlin"
SPONSOR = "Noor Haddad"
VIEWER = "Samir Idowu"
PASSWORD = "portfolio-demo"  # noqa: S105  # printed for whoever runs the demo; nothing else uses it

ZONES = {
    "Noor Haddad": HOME,
    "Samir Idowu": "Africa/Lagos",
    "Mei-Ling Chou": "Asia/Taipei",
    "Priya Raman": "America/Los_Angeles",
    "Ingrid Solheim": "Europe/Oslo",
    "Hannah Weiss": "Europe/Zurich",
    "Tomás Ferreira": "Europe/Lisbon",
    "Aaron Oyelaran": "Europe/London",
    "Daniel Kovač": "Europe/Zagreb",
    "Fatima Zahra": "Asia/Dubai",
    "Luis Ortega": "America/Sao_Paulo",
    "Rohan Mehta": "Asia/Kolkata",
    "Sofia Marino": "Europe/Rome",
    "Kenji Watanabe": "Asia/Tokyo",
}

TEAMS = {
    "Compute platform": 60,
    "Region build": 45,
    "Resilience": 25,
    "Storage": 40,
    "Developer infra": 35,
    "Network security": 30,
    "Observability": 25,
    "Security eng": 30,
    "Edge": 20,
    "FinOps": 15,
    "Data stores": 35,
    "Network": 40,
}

# What is counted, where it began, where it is and where it should be at the end of next year: as the KPIs below say it.
OBJECTIVES = {
    "Capacity for 2027 demand": ("Racks burned in, all regions", 1900, 2112, 2540),
    "No region is a single point of failure": ("Tier 1 services with failover, %", 40, 71, 100),
    "Engineers ship twice as fast": ("Median minutes from commit to production", 62, 48, 30),
    "Every request is authenticated": ("Traffic behind the proxy, %", 12, 49, 100),
    "Spend we can explain": ("Spend attributed to an owner, %", 61, 87, 98),
}

CAUSES = [
    "Supplier late",
    "Scope added",
    "Estimate was too low",
    "Waiting for another team",
    "Staffing",
    "Defect found",
    "Decision late",
    "External event",
]

# The highest probability of each score of likelihood but the last.
MOST_LIKELY = (0.1, 0.3, 0.5, 0.75)


@dataclass(frozen=True)
class Kpi:
    name: str
    unit: str
    direction: str
    start: float
    latest: float
    target: float
    limit: float | None = None


@dataclass(frozen=True)
class RiskSpec:
    title: str
    probability: float
    days: tuple[int, int, int]
    milestone: str
    impact: int  # its score, 1 to 5
    week: int = 10  # raised so many weeks ago
    closed_week: int | None = None
    response: str = "mitigate"
    action: str = ""
    residual: float | None = None  # probability once the action is done

    @property
    def likelihood(self) -> int:
        """The score of its probability, 1 to 5."""
        return 1 + sum(self.probability > most for most in MOST_LIKELY)


@dataclass(frozen=True)
class DecisionSpec:
    question: str
    options: str
    due: int  # days from today
    week: int = 3


@dataclass(frozen=True)
class ProgramSpec:
    key: str
    name: str
    lead: str
    team: str
    summary: str
    objective: str
    started: int  # working days ago
    slip: int | None  # days that the end really misses its target; None: nobody has given the work yet
    plan: str
    end: str
    reports: tuple[str, str]  # what the lead says: before, and in the last four weeks
    because: tuple[tuple[int, str], ...]  # what the lead says, from so many weeks ago on
    ask: str = ""  # in the last four weeks
    partners: tuple[str, ...] = ()
    kpis: tuple[Kpi, ...] = ()
    risks: tuple[RiskSpec, ...] = ()
    decisions: tuple[DecisionSpec, ...] = ()
    silent_weeks: int = 0  # the newest weeks without an update
    requirements: tuple[str, ...] = field(default=())

    def said(self, ago: int) -> str:
        """What the lead says so many weeks ago."""
        return next(text for since, text in reversed(self.because) if ago <= since)


GREEN, AMBER, RED = "on_track", "at_risk", "off_track"

PROGRAMS = [
    ProgramSpec(
        "GPU",
        "GPU fleet scheduler",
        "Mei-Ling Chou",
        "Compute platform",
        "One scheduler for every accelerator in the fleet, with preemption and bin-packing.",
        "Capacity for 2027 demand",
        105,
        49,
        """
        Scheduler
        sim; Placement simulator; 15; 15; -
        core; Scheduler core; 25; 30
        bin; Bin-packing at 20k nodes; 15; 48
        pre; Preemption GA; 12; 16
        ga; GPU scheduler GA; 10; 12; pre, quota
        Quota
        qd; Quota model agreed; 15; 14; -
        quota; Quota service; 30; 34
        qm; Teams moved to quotas; 20; 22
        Fleet
        inv; Accelerator inventory; 20; 21; -
        drv; Driver baseline; 20; 26
        can; Canary cell; 15; 15; drv, core
        wave1; Fleet wave 1; 12; 12; can, ga
        wave2; Fleet wave 2; 12; 14
        """,
        "wave2",
        (AMBER, RED),
        (
            (13, "The driver baseline takes a week longer; the scheduler core is sound."),
            (10, "Bin-packing has begun; it slows down beyond 10k nodes."),
            (7, "Bin-packing regresses at 20k nodes; the first cell runs without it."),
            (4, "Bin-packing regresses at 20k nodes; it was re-estimated from 3 to 9 weeks."),
            (1, "Bin-packing holds at 20k nodes, weeks later than planned; preemption has begun."),
            (0, "Bin-packing cost us more than six weeks; GA waits for preemption alone."),
        ),
        "Two engineers from Storage for three weeks, to finish preemption.",
        ("Data stores",),
        (
            Kpi("Fleet utilisation", "%", "up", 41, 52, 65),
            Kpi("Median wait for a GPU", "min", "down", 46, 31, 15),
            Kpi("Failed placements", "%", "down", 2.4, 1.1, 0.5, 3),
        ),
        (
            RiskSpec(
                "Bin-packing regressions at 20k nodes",
                0.55,
                (10, 30, 50),
                "wave2",
                5,
                9,
                action="Replay a week of production placements",
                residual=0.25,
            ),
            RiskSpec("Driver baseline breaks older cards", 0.2, (5, 10, 20), "wave1", 3, 6),
            RiskSpec("Quota owners not named", 0.3, (3, 5, 10), "qm", 2, 12, 4),
        ),
        (
            DecisionSpec(
                "Ship GA without topology-aware packing?",
                "Yes: three weeks sooner, 4% less utilisation. No: keep scope.",
                4,
            ),
        ),
        requirements=(
            "must: Preempt within 30 seconds",
            "must: 20,000 nodes in one cell",
            "should: Topology-aware packing",
        ),
    ),
    ProgramSpec(
        "NA4",
        "Region NA-4 capacity",
        "Priya Raman",
        "Region build",
        "Open the fourth North American region: 24 MW, 640 racks, first traffic in the new year.",
        "Capacity for 2027 demand",
        115,
        35,
        """
        Site and power
        bh; Building handover; 30; 33; -
        ue; Utility energization, 24 MW; 45; 78
        cool; Cooling commissioned; 12; 14
        Network
        bb; Backbone circuits accepted; 50; 48; -
        fab; Region fabric certified; 25; 40
        Compute
        r1; Racks landed, wave 1; 75; 80; -
        r2; Racks landed, wave 2; 30; 32
        burn; Rack burn-in complete; 15; 18; r1, cool
        Launch
        bring; Service bring-up; 12; 14; burn, fab, GPU:ga
        cert; Capacity certified; 6; 6; r2, burn
        open; Open for traffic; 8; 9; bring, cert
        """,
        "open",
        (GREEN, AMBER),
        (
            (13, "The building is ours; energization has begun."),
            (11, "Backbone circuits are accepted; energization goes as planned."),
            (8, "The utility's crew is thin; racks and fabric go on without it."),
            (5, "Racks of wave 1 have landed; all else waits for energization."),
            (3, "The fabric is certified. Energization takes weeks longer, and cooling waits for it."),
            (1, "Energization is all but done; cooling follows at once."),
            (
                0,
                "Power is on. With rented chillers burn-in can begin before cooling ends and win back 8 to 10 days.",
            ),
        ),
        "Approve rented chillers for rows 1 to 12.",
        ("Network", "Compute platform"),
        (
            Kpi("Racks burned in", "racks", "up", 0, 212, 640),
            Kpi("Power under load", "MW", "up", 0, 6, 24),
            Kpi("NA-1 latency", "ms", "down", 34, 31, 30, 35),
            Kpi("Sev-2 in bring-up", "", "down", 0, 3, 2, 5),
            Kpi("Optics spares", "%", "up", 98, 86, 95, 90),
            Kpi("Spend", "M$", "down", 12, 41.8, 38, 46),
        ),
        (
            RiskSpec(
                "Chiller pumps late from the maker",
                0.6,
                (7, 14, 28),
                "cool",
                4,
                11,
                action="Second source for pumps",
                residual=0.2,
            ),
            RiskSpec(
                "Fabric optics batch fails soak test",
                0.3,
                (8, 16, 24),
                "bring",
                5,
                7,
                action="Retest with replacement batch",
                residual=0.1,
            ),
            RiskSpec("Burn-in staffing over the holidays", 0.35, (3, 6, 10), "burn", 3, 5),
            RiskSpec("Late firmware for 400G switches", 0.2, (4, 8, 12), "fab", 2, 12, 3),
        ),
        (
            DecisionSpec(
                "Rent chillers for rows 1 to 12?",
                "Rent: $310k, burn-in starts now. Wait: nothing is spent.",
                3,
                2,
            ),
            DecisionSpec(
                "Launch on a single utility feed?",
                "Single feed, or wait for N+1.",
                -20,
                8,
            ),
        ),
        requirements=(
            "must: 24 MW at N+1",
            "must: 640 racks in service",
            "must: NA-1 latency below 35 ms",
            "should: Liquid cooling in row 9",
            "out: Second meet-me room | Moved to phase two",
        ),
    ),
    ProgramSpec(
        "DR",
        "Cross-region disaster recovery",
        "Ingrid Solheim",
        "Resilience",
        "Every tier 1 and tier 2 service survives the loss of a region, proven by drills.",
        "No region is a single point of failure",
        90,
        21,
        """
        Replication
        rep; Tier 1 replication; 35; 36; -
        rpo; Lag alarms; 15; 15
        t2; Tier 2 replication; 40; 52
        Runbooks
        inv; Service inventory; 20; 22; -
        rb1; Tier 1 runbooks; 25; 26
        rb2; Tier 2 runbooks; 25; 30
        Drills
        d1; Tier 1 game day; 6; 6; rep, rb1
        fix; Game day findings closed; 20; 26
        d2; Tier 2 game day; 6; 6; t2, rb2, fix
        reg; Region evacuation drill; 10; 12; d2, NA4:fab
        sign; Recovery signed off; 8; 8
        """,
        "sign",
        (GREEN, AMBER),
        (
            (13, "Tier 1 replication goes as planned."),
            (9, "Tier 1 is replicated; its runbooks are being written."),
            (6, "The tier 1 game day found what drills are for; its findings are being closed."),
            (3, "The failover drill window is not agreed; tier 2 runbooks wait for owners."),
            (1, "The failover drill window is not agreed; tier 2 replication takes longer than planned."),
        ),
        "",
        ("Storage", "Network"),
        (
            Kpi("Tier 1 services with failover", "%", "up", 40, 71, 100),
            Kpi("Recovery point, tier 1", "min", "down", 22, 12, 10, 30),
        ),
        (
            RiskSpec(
                "Failover drill window not agreed",
                0.5,
                (5, 12, 20),
                "reg",
                4,
                8,
                action="Agree two windows with Sales",
                residual=0.2,
            ),
            RiskSpec("Replication lag under peak load", 0.25, (4, 8, 15), "t2", 3, 0),
        ),
        (
            DecisionSpec(
                "Accept a 15 minute recovery point for tier 3?",
                "Accept, or add a replication milestone.",
                -2,
                4,
            ),
        ),
    ),
    ProgramSpec(
        "OST",
        "Object storage tiering",
        "Hannah Weiss",
        "Storage",
        "Cold data moves to erasure-coded pools by itself; half the cost a terabyte.",
        "Spend we can explain",
        80,
        19,
        """
        Engine
        ec; Erasure-code library; 30; 32; -
        bench; CPU budget proven; 20; 28
        mover; Tier mover; 30; 36
        Policy
        pol; Retention policy agreed; 20; 20; -
        api; Policy API; 25; 27
        bill; Billing by tier; 20; 20; api, COST:model
        Rollout
        pilot; Cold-tier pilot; 20; 22; mover, api
        t1; Ten largest tenants; 25; 30
        all; All tenants; 30; 34; t1, bill
        old; Old pool drained; 20; 22
        """,
        "old",
        (GREEN, AMBER),
        (
            (13, "The erasure-code library comes along as planned."),
            (8, "The library is done; its CPU budget is being measured."),
            (4, "Erasure-code CPU cost is above the model; we look for cheaper decoding."),
            (2, "The CPU budget is proven at last; the pilot starts three weeks later for it."),
        ),
        "",
        ("FinOps",),
        (Kpi("Data in cold tier", "PB", "up", 0, 14, 120), Kpi("Cost a terabyte", "$", "down", 9.8, 8.9, 5)),
        (
            RiskSpec(
                "Erasure-code CPU cost above model",
                0.45,
                (6, 16, 26),
                "pilot",
                4,
                8,
                action="Vectorise the decoder",
                residual=0.2,
            ),
        ),
        (DecisionSpec("Which ten tenants move first?", "By size, or by age of data.", 9, 1),),
    ),
    ProgramSpec(
        "BLD",
        "Build-system migration",
        "Tomás Ferreira",
        "Developer infra",
        "One hermetic build with a remote cache for 3,100 repositories.",
        "Engineers ship twice as fast",
        95,
        15,
        """
        Platform
        rbe; Remote execution; 30; 32; -
        cache; Remote cache; 25; 31
        scale; 400 runners; 20; 30
        Migration
        tool; Migration tooling; 30; 30; -
        w1; Wave 1: backend; 25; 27; tool, cache
        w2; Wave 2: data; 25; 28
        w3; Wave 3: mobile; 20; 24
        w4; Wave 4: the rest; 25; 28
        Retirement
        ro; Old system read-only; 5; 5; w4
        off; Old system off; 10; 10; ro, scale, IDP:sso
        """,
        "off",
        (GREEN, GREEN),
        (
            (13, "Remote execution and tooling are nearly there."),
            (11, "Remote execution and tooling are done; the remote cache has begun."),
            (5, "The remote cache is up; wave 1 begins."),
            (2, "Wave 1 is nearly done; the licence question will be settled in time."),
            (0, "Wave 1 is done; the licence question will be settled in time."),
        ),
        "",
        ("Security eng",),
        (Kpi("Repositories migrated", "", "up", 120, 1720, 3100), Kpi("Median build", "min", "down", 31, 17, 12)),
        (
            RiskSpec(
                "Remote-cache licence blocks 400 runners",
                0.5,
                (8, 18, 30),
                "w4",
                4,
                0,
                action="Quote from second vendor",
                residual=0.25,
            ),
            RiskSpec("Mobile signing keys in old system", 0.25, (3, 6, 9), "w3", 2, 9, 1),
        ),
        (
            DecisionSpec(
                "Buy or build the remote cache?", "Buy: $180k a year. Build: two engineers for a quarter.", 6, 2
            ),
        ),
    ),
    ProgramSpec(
        "ZT",
        "Zero-trust network rollout",
        "Aaron Oyelaran",
        "Network security",
        "No trust from being inside: device and identity checked for each request.",
        "Every request is authenticated",
        85,
        4,
        """
        Proxy
        px; Access proxy HA; 30; 30; -
        dev; Device posture; 25; 26
        leg; Legacy protocols; 35; 35
        Offices
        o30; Office sites 30%; 30; 30; px
        o60; Office sites 60%; 30; 31
        o100; Office sites 100%; 35; 36
        Retirement
        con; Contractors moved; 25; 25; dev, IDP:w2
        vpn; VPN closed; 15; 15; o100, con, leg
        audit; Audit passed; 10; 10
        """,
        "audit",
        (GREEN, GREEN),
        (
            (13, "The access proxy goes as planned."),
            (9, "The access proxy is done; offices have begun to move."),
            (4, "Three in ten offices are behind the proxy, on the day."),
            (1, "Offices move at the planned pace; legacy protocols are the long part."),
        ),
        kpis=(
            Kpi("Traffic behind the proxy", "%", "up", 12, 49, 100),
            Kpi("Access tickets a day", "", "down", 44, 29, 25, 60),
        ),
        risks=(RiskSpec("Legacy VPN holdouts in finance", 0.35, (4, 10, 15), "leg", 3, 7),),
        decisions=(
            DecisionSpec("Let finance keep the VPN for the audit?", "An exception until quarter end, or none.", 12, 1),
        ),
    ),
    ProgramSpec(
        "OBS",
        "Observability platform v3",
        "Daniel Kovač",
        "Observability",
        "Traces, metrics and logs in one store, at a third of the cost.",
        "Spend we can explain",
        78,
        3,
        """
        Store
        ts; Trace store; 35; 36; -
        ms; Metrics store; 30; 30
        cut; Metrics cut-over; 20; 21
        Agents
        ag; Agent v3; 35; 34; -
        ro; Agents on 50%; 25; 25
        r100; Agents on 100%; 20; 21
        Users
        dash; Dashboards converted; 45; 45; ts
        train; On-call trained; 15; 15
        off; Old stack off; 10; 10; cut, r100, train
        """,
        "off",
        (GREEN, GREEN),
        (
            (13, "The trace store comes along as planned."),
            (7, "Trace store and agent are done; metrics and dashboards have begun."),
            (3, "Half the hosts run the new agent."),
            (1, "The metrics store is done; its cut-over was rehearsed twice without loss."),
        ),
        kpis=(Kpi("Cost a million spans", "$", "down", 3.1, 1.6, 1), Kpi("Query p95", "s", "down", 8, 4.2, 4, 10)),
        risks=(RiskSpec("Trace store cardinality growth", 0.28, (4, 8, 15), "cut", 3, 6),),
    ),
    ProgramSpec(
        "IDP",
        "Identity provider consolidation",
        "Fatima Zahra",
        "Security eng",
        "Three identity providers become one.",
        "Every request is authenticated",
        90,
        3,
        """
        Core
        hub; Identity hub; 30; 31; -
        scim; SCIM provisioning; 25; 27
        sso; SSO for build systems; 35; 34
        Waves
        w1; Wave 1 cut-over; 20; 20; hub
        w2; Wave 2 cut-over; 40; 41; w1, scim
        w3; Wave 3 cut-over; 25; 26
        Retirement
        rev; Access review; 20; 20; w2
        off; Old providers off; 10; 10; w3, rev, sso
        """,
        "off",
        (GREEN, GREEN),
        (
            (13, "The identity hub is nearly done."),
            (11, "The hub is done; wave 1 is next."),
            (7, "Wave 1 was cut over without a ticket that matters."),
            (5, "SCIM took two days longer; wave 2 has begun."),
            (3, "Wave 2 on plan."),
        ),
        kpis=(Kpi("Applications moved", "", "up", 30, 214, 340), Kpi("Failed sign-ins", "%", "down", 1.9, 1.2, 1, 3)),
        risks=(
            RiskSpec("SCIM gaps for contractor accounts", 0.4, (4, 10, 14), "w3", 3, 5),
            # What waits for this wave in another program is later for it too.
            RiskSpec("Cut-over weekend meets the year-end freeze", 0.35, (4, 8, 15), "w2", 3, 4),
        ),
        silent_weeks=2,
    ),
    ProgramSpec(
        "EDGE",
        "Edge PoP refresh",
        "Luis Ortega",
        "Edge",
        "Forty points of presence on new hardware, ten of them in new cities.",
        "No region is a single point of failure",
        80,
        -3,
        """
        Hardware
        cfg; Rack design frozen; 25; 24; -
        po; Hardware ordered; 15; 15
        kit; Kits at freight hub; 40; 42
        Sites
        s8; PoP 8 of 40 live; 30; 29; po
        s14; PoP 14 of 40 live; 35; 36
        s26; PoP 26 of 40 live; 40; 40; s14, kit
        s40; PoP 40 of 40 live; 45; 46
        Traffic
        steer; Traffic steering v2; 60; 60; -
        done; All traffic on new sites; 10; 10; s40, steer
        """,
        "done",
        (AMBER, AMBER),
        (
            (13, "The rack design is nearly frozen; customs worry me more than hardware."),
            (10, "The rack design was frozen a day early; I expect customs to cost us weeks."),
            (7, "Hardware is ordered; São Paulo customs took five weeks last time."),
            (3, "Traffic steering is done. São Paulo customs took five weeks last time; I do not trust the date yet."),
            (1, "Eight sites are live. São Paulo customs took five weeks last time; I do not trust the date yet."),
        ),
        "A customs broker on retainer.",
        kpis=(Kpi("Sites live", "", "up", 0, 13, 40), Kpi("p50 to user", "ms", "down", 28, 24, 18)),
        risks=(
            RiskSpec(
                "Customs delay for São Paulo kit", 0.55, (4, 10, 20), "s26", 3, 9, action="Ship by sea from Santos"
            ),
        ),
    ),
    ProgramSpec(
        "COST",
        "Cloud cost attribution",
        "Rohan Mehta",
        "FinOps",
        "Every euro of spend has an owner who can see it.",
        "Spend we can explain",
        75,
        -5,
        """
        Model
        tag; Tag standard; 20; 20; -
        model; Cost model agreed; 25; 24
        share; Shared clusters split; 35; 35
        Showback
        v1; Showback v1; 25; 24; tag
        v2; Showback v2; 45; 46; v1, model
        bud; Budgets by team; 25; 25
        Close
        close; Month closed by owners; 20; 20; bud, share
        """,
        "close",
        (GREEN, GREEN),
        (
            (13, "The tag standard is being agreed."),
            (10, "Tags are agreed; the cost model has begun."),
            (5, "The cost model is agreed and showback v1 is out, a day early."),
            (2, "Showback v2 is in the hands of ten teams."),
        ),
        kpis=(Kpi("Spend attributed", "%", "up", 61, 87, 98), Kpi("Untagged clusters", "", "down", 40, 17, 5)),
        risks=(RiskSpec("Untagged shared clusters", 0.3, (2, 6, 10), "share", 2, 6),),
    ),
    ProgramSpec(
        "FLEET",
        "Cluster fleet upgrade",
        "Sofia Marino",
        "Compute platform",
        "Every cluster on the supported release, then every quarter by itself.",
        "Engineers ship twice as fast",
        95,
        -1,
        """
        Automation
        drain; Safe drain; 25; 25; -
        roll; Rolling upgrader; 30; 31
        auto; Quarterly automation; 50; 50
        Batches
        b2; Batch 2 of 7; 20; 20; drain
        b4; Batch 4 of 7; 25; 26; b2, roll
        b5; Batch 5 of 7; 25; 23
        b6; Batch 6 of 7; 15; 15
        b7; Batch 7 of 7; 15; 14; b6, auto
        """,
        "b7",
        (GREEN, GREEN),
        (
            (13, "Safe drain is done; batch 2 begins."),
            (9, "Batch 2 was done on the day."),
            (7, "The rolling upgrader is done; batch 4 begins."),
            (1, "Batch 4 is done; batch 5 looks two days faster than planned."),
            (0, "Batch 5 goes on, and looks two days faster than planned."),
        ),
        kpis=(Kpi("Clusters upgraded", "%", "up", 8, 68, 100), Kpi("Upgrade incidents", "", "down", 0, 1, 2, 4)),
        risks=(RiskSpec("Admission webhooks block drains", 0.2, (2, 6, 10), "b6", 2, 7),),
    ),
    ProgramSpec(
        "DB18",
        "Database fleet to Postgres 18",
        "Kenji Watanabe",
        "Data stores",
        "1,400 database clusters on one major version.",
        "Engineers ship twice as fast",
        25,
        None,
        """
        Inventory
        inv; Inventory complete; 0; 0; -
        ext; Extension compatibility; 0; 0
        Upgrade
        plan; Upgrade waves planned; 0; 0; inv
        w1; First hundred clusters; 0; 0
        all; All clusters on 18; 0; 0; w1, ext
        """,
        "all",
        (GREEN, GREEN),
        (
            (13, "Inventory has begun; nobody can say yet how long it takes."),
            (2, "Inventory is under way; estimates come next month."),
        ),
        kpis=(Kpi("Clusters inventoried", "%", "up", 0, 46, 100),),
        risks=(RiskSpec("Extension compatibility unknown", 0.4, (5, 15, 30), "ext", 3, 3),),
    ),
]

# Giver, receiver: days from the giver's real finish at which it is needed, and promised.
HAND_OFFS = {
    ("GPU:ga", "NA4:bring"): (-25, -4, "accepted"),
    ("NA4:fab", "DR:reg"): (10, 4, "accepted"),
    ("COST:model", "OST:bill"): (12, 3, "delivered"),
    ("IDP:sso", "BLD:off"): (15, 6, "accepted"),
    ("IDP:w2", "ZT:con"): (8, 3, "proposed"),
}
