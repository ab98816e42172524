from django.urls import path

from risks import lists
from risks.views import assumptions, decisions, issues, risks

urlpatterns = [
    path("p/<key:key>/risks/new", risks.risk_create),
    path("risks/bulk", risks.risks_bulk),
    path("r/R-<int:pk>/edit", risks.risk_edit),
    path("r/R-<int:pk>/close", risks.risk_close),
    path("r/R-<int:pk>/reopen", risks.risk_reopen),
    path("r/R-<int:pk>/delete", risks.risk_delete),
    path("r/R-<int:pk>/mitigations/new", risks.action_create),
    path("mitigations/<int:pk>/edit", risks.action_edit),
    path("mitigations/<int:pk>/finish", risks.action_finish),
    path("mitigations/<int:pk>/delete", risks.action_delete),
    path("issues", lists.issues),
    path("p/<key:key>/issues", lists.issues),
    path("p/<key:key>/issues/new", issues.issue_create),
    path("issues/<int:pk>", issues.issue),
    path("issues/<int:pk>/edit", issues.issue_edit),
    path("issues/<int:pk>/close", issues.issue_close),
    path("issues/<int:pk>/reopen", issues.issue_reopen),
    path("issues/<int:pk>/delete", issues.issue_delete),
    path("assumptions", lists.assumptions),
    path("p/<key:key>/assumptions", lists.assumptions),
    path("p/<key:key>/assumptions/new", assumptions.assumption_create),
    path("assumptions/<int:pk>/edit", assumptions.assumption_edit),
    path("assumptions/<int:pk>/delete", assumptions.assumption_delete),
    path("decisions", lists.decisions),
    path("p/<key:key>/decisions", lists.decisions),
    path("p/<key:key>/decisions/new", decisions.decision_create),
    path("d/D-<int:pk>", decisions.decision),
    path("d/D-<int:pk>/edit", decisions.decision_edit),
    path("d/D-<int:pk>/decide", decisions.decision_decide),
    path("d/D-<int:pk>/delete", decisions.decision_delete),
]
