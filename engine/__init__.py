"""The engine: arrays in, arrays out. numpy, and nothing of the web.

    from engine import cpm, network
    from engine.calendars import WorkCalendar

    compiled = network.compile(
        uids,                   # int[n], distinct: a milestone's id
        durations_min,          # int[n], working minutes; 0 for a milestone without work
        calendars,              # a list of WorkCalendar
        calendar_index,         # int[n] into it
        network.Links(pred_uid, succ_uid, type, lag_min),   # int[m] each; type is a network.LinkType
        status_day=today,       # days since 1970-01-01, as all days here; NO_DAY where there is none
        actual_start_day=..., actual_finish_day=..., remaining_min=..., not_before_day=..., finish_by_day=...,
    )
    dates = cpm.schedule(compiled)
    dates.early_finish_day      # int[n], in the order of uids: the forecast
    dates.total_float_min       # int[n], working minutes of the task's own calendar
    dates.free_float_min
    path = cpm.driving_path(dates, end_uid)   # tasks and links (positions in what was given), and what holds the first
    cpm.float_to(dates, *end_uids)            # float against chosen ends instead of the last of all
    cpm.longest_path(dates, end_uid)          # all tasks on any driving chain to it
    cpm.out_of_sequence(compiled)             # links that progress has broken

What is uncertain:

    law = draws.Uncertainty.three_points(low_min, likely_min, high_min, draws.Risks.of(risks, impacts))
    run = simulation.simulate(compiled, law, seed=1, target_day=..., keep=True)
    run.quantile_day            # int[n, 19]: P5, P10, ... P95; run.chance of the target
    drivers.whatif(run, changes), drivers.cost_of_risks(run, uid), drivers.fair_shares(run, uid, players)
    drivers.criticality(run, uid)

    engine.streams   # the random numbers, which stay with their task
    engine.prior     # what to expect of work and promises before there is a record; engine.reference blends it with one

Beside dates, and each by itself:

    engine.scoring   # how good forecasts were: Brier, CRPS, PIT, coverage, with what is still open
    engine.earned    # earned value and earned schedule
    engine.trend     # what the history of a milestone's forecasts says
    engine.quality   # the DCMA's fourteen checks of a plan, by group of tasks
    engine.capacity  # what teams are asked for against what they can do, by week, and how far overload stretches work

Conventions. Work, lag and float are integer working minutes; a lag runs in its predecessor's calendar. Days are plain
days: a task of five working days that starts on Monday finishes on Friday; a milestone without work lies at the end of
the day of what drives it, or at the start of its not-before day. `finish_by_day` is a target: it bounds late dates and
may make float negative, and never moves an early date. Started work needs `remaining_min`, and what is left starts on
the status date at the earliest (retained logic); finished work keeps its dates.

Errors are EngineError (a ValueError): NoWorkingTime, CycleError with the loop's `uids`, UnknownTask, HorizonError with
`uids`. One that names tasks concerns only the connected component they lie in: compile components apart
(`network.components`) and the others stay computable. `network.digest` tells whether anything has changed.
"""
