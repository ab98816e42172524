from django.urls import path

from milestones.views import causes, links, milestones, requirements, workstreams

urlpatterns = [
    path("p/<key:key>/milestones/new", milestones.milestone_create),
    path("milestones/bulk", milestones.milestones_bulk),
    path("m/<int:pk>/edit", milestones.milestone_edit),
    path("m/<int:pk>/delete", milestones.milestone_delete),
    path("m/<int:pk>/finish", milestones.milestone_finish),
    path("m/<int:pk>/cancel", milestones.milestone_cancel),
    path("m/<int:pk>/reopen", milestones.milestone_reopen),
    path("m/<int:pk>/links/new", links.link_create),
    path("links/<int:pk>/edit", links.link_edit),
    path("links/<int:pk>/answer", links.link_answer),
    path("links/<int:pk>/reply", links.link_reply),
    path("links/<int:pk>/delete", links.link_delete),
    path("p/<key:key>/workstreams", workstreams.workstreams),
    path("p/<key:key>/workstreams/new", workstreams.workstream_create),
    path("workstreams/<int:pk>/edit", workstreams.workstream_edit),
    path("workstreams/<int:pk>/delete", workstreams.workstream_delete),
    path("p/<key:key>/requirements", requirements.requirements),
    path("p/<key:key>/requirements/new", requirements.requirement_create),
    path("requirements/<int:pk>/edit", requirements.requirement_edit),
    path("requirements/<int:pk>/delete", requirements.requirement_delete),
    path("settings/slip-causes", causes.slip_causes),
    path("settings/slip-causes/new", causes.slip_cause_create),
    path("settings/slip-causes/<int:pk>/edit", causes.slip_cause_edit),
    path("settings/slip-causes/<int:pk>/retire", causes.slip_cause_retire),
]
