from django.urls import path

from dashboards import plan, problems, programs, risks, teams, views, why

urlpatterns = [
    path("", views.portfolio, name="portfolio"),
    path("p/<key:key>", views.program, name="program"),
    path("p/<key:key>/why", why.why),
    path("dependencies", plan.dependencies),
    path("p/<key:key>/milestones", plan.milestones),
    path("p/<key:key>/dependencies", plan.dependencies),
    path("p/<key:key>/baselines", plan.baselines),
    path("p/<key:key>/baselines/new", plan.baseline_approve),
    path("p/<key:key>/edit", programs.program_edit, name="program_edit"),
    path("p/<key:key>/delete", programs.program_delete, name="program_delete"),
    path("m/<int:pk>", plan.milestone),
    path("baselines/<int:pk>", plan.baseline),
    path("problems", problems.problems, name="problems"),
    path("problems/new", problems.problem_create),
    path("problems/record", problems.problem_record),
    path("problems/<int:pk>", problems.problem),
    path("problems/<int:pk>/edit", problems.problem_edit),
    path("problems/<int:pk>/close", problems.problem_close),
    path("problems/<int:pk>/reopen", problems.problem_reopen),
    path("problems/<int:pk>/start", problems.problem_start),
    path("problems/<int:pk>/delete", problems.problem_delete),
    path("teams", teams.teams, name="teams"),
    path("teams/<int:pk>", teams.team, name="team"),
    path("risks", risks.risks),
    path("p/<key:key>/risks", risks.risks),
    path("r/R-<int:pk>", risks.risk),
    path("healthz", views.healthz, name="healthz"),
]
