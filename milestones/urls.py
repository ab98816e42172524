from django.urls import path

from milestones import views

urlpatterns = [
    path("p/<key:key>/milestones/new", views.milestone_create),
    path("milestones/bulk", views.milestones_bulk),
    path("m/<int:pk>/edit", views.milestone_edit),
    path("m/<int:pk>/delete", views.milestone_delete),
    path("m/<int:pk>/finish", views.milestone_finish),
    path("m/<int:pk>/cancel", views.milestone_cancel),
    path("m/<int:pk>/reopen", views.milestone_reopen),
    path("m/<int:pk>/links/new", views.link_create),
    path("links/<int:pk>/edit", views.link_edit),
    path("links/<int:pk>/answer", views.link_answer),
    path("links/<int:pk>/reply", views.link_reply),
    path("links/<int:pk>/delete", views.link_delete),
    path("p/<key:key>/workstreams", views.workstreams),
    path("p/<key:key>/workstreams/new", views.workstream_create),
    path("workstreams/<int:pk>/edit", views.workstream_edit),
    path("workstreams/<int:pk>/delete", views.workstream_delete),
    path("p/<key:key>/requirements", views.requirements),
    path("p/<key:key>/requirements/new", views.requirement_create),
    path("requirements/<int:pk>/edit", views.requirement_edit),
    path("requirements/<int:pk>/delete", views.requirement_delete),
    path("settings/slip-causes", views.slip_causes),
    path("settings/slip-causes/new", views.slip_cause_create),
    path("settings/slip-causes/<int:pk>/edit", views.slip_cause_edit),
    path("settings/slip-causes/<int:pk>/retire", views.slip_cause_retire),
]
