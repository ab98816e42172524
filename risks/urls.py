from django.urls import path

from risks import views

urlpatterns = [
    path("p/<key:key>/risks/new", views.risk_create),
    path("r/R-<int:pk>/edit", views.risk_edit),
    path("r/R-<int:pk>/close", views.risk_close),
    path("r/R-<int:pk>/reopen", views.risk_reopen),
    path("r/R-<int:pk>/delete", views.risk_delete),
    path("r/R-<int:pk>/mitigations/new", views.action_create),
    path("mitigations/<int:pk>/edit", views.action_edit),
    path("mitigations/<int:pk>/finish", views.action_finish),
    path("mitigations/<int:pk>/delete", views.action_delete),
    path("issues", views.issues),
    path("p/<key:key>/issues", views.issues),
    path("p/<key:key>/issues/new", views.issue_create),
    path("issues/<int:pk>", views.issue),
    path("issues/<int:pk>/edit", views.issue_edit),
    path("issues/<int:pk>/close", views.issue_close),
    path("issues/<int:pk>/delete", views.issue_delete),
    path("assumptions", views.assumptions),
    path("p/<key:key>/assumptions", views.assumptions),
    path("p/<key:key>/assumptions/new", views.assumption_create),
    path("assumptions/<int:pk>/edit", views.assumption_edit),
    path("assumptions/<int:pk>/delete", views.assumption_delete),
    path("decisions", views.decisions),
    path("p/<key:key>/decisions", views.decisions),
    path("p/<key:key>/decisions/new", views.decision_create),
    path("d/D-<int:pk>", views.decision),
    path("d/D-<int:pk>/edit", views.decision_edit),
    path("d/D-<int:pk>/decide", views.decision_decide),
    path("d/D-<int:pk>/delete", views.decision_delete),
]
