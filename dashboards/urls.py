from django.urls import path

from dashboards import plan, programs, risks, views, watermelons

urlpatterns = [
    path("", views.portfolio, name="portfolio"),
    path("p/<key:key>", views.program, name="program"),
    path("dependencies", plan.dependencies),
    path("p/<key:key>/milestones", plan.milestones),
    path("p/<key:key>/dependencies", plan.dependencies),
    path("p/<key:key>/baselines", plan.baselines),
    path("p/<key:key>/baselines/new", plan.baseline_approve),
    path("p/<key:key>/edit", programs.program_edit, name="program_edit"),
    path("p/<key:key>/delete", programs.program_delete, name="program_delete"),
    path("m/<int:pk>", plan.milestone),
    path("baselines/<int:pk>", plan.baseline),
    path("watermelons", watermelons.watermelons),
    path("risks", risks.risks),
    path("p/<key:key>/risks", risks.risks),
    path("r/R-<int:pk>", risks.risk),
    path("healthz", views.healthz, name="healthz"),
]
