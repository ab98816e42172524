from django.urls import path

from dashboards import plan, programs, views

urlpatterns = [
    path("", views.portfolio, name="portfolio"),
    path("p/<str:key>", views.program, name="program"),
    path("dependencies", plan.dependencies),
    path("p/<str:key>/milestones", plan.milestones),
    path("p/<str:key>/dependencies", plan.dependencies),
    path("p/<str:key>/baselines", plan.baselines),
    path("p/<str:key>/baselines/new", plan.baseline_approve),
    path("p/<str:key>/edit", programs.program_edit, name="program_edit"),
    path("p/<str:key>/delete", programs.program_delete, name="program_delete"),
    path("m/<int:pk>", plan.milestone),
    path("baselines/<int:pk>", plan.baseline),
    path("healthz", views.healthz, name="healthz"),
]
