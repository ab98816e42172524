from django.urls import path

from programs import views

urlpatterns = [
    path("programs/new/blank", views.program_create, name="program_create"),
    path("p/<key:key>/people", views.program_people, name="program_people"),
    path("p/<key:key>/roles/new", views.role_give, name="role_give"),
    path("roles/<int:pk>/edit", views.role_edit, name="role_edit"),
    path("roles/<int:pk>/delete", views.role_delete, name="role_delete"),
    path("p/<key:key>/slots/new", views.slot_create, name="slot_create"),
    path("slots/<int:pk>/edit", views.slot_edit, name="slot_edit"),
    path("slots/<int:pk>/delete", views.slot_delete, name="slot_delete"),
    path("p/<key:key>/phases", views.phases, name="phases"),
    path("p/<key:key>/phases/new", views.phase_create, name="phase_create"),
    path("phases/<int:pk>/edit", views.phase_edit, name="phase_edit"),
    path("phases/<int:pk>/delete", views.phase_delete, name="phase_delete"),
    path("phases/<int:pk>/decide", views.gate_decide, name="gate_decide"),
    path("phases/<int:pk>/criteria/new", views.criterion_create, name="criterion_create"),
    path("phases/<int:pk>/actions/new", views.gate_action_create, name="gate_action_create"),
    path("criteria/<int:pk>/edit", views.criterion_edit, name="criterion_edit"),
    path("criteria/<int:pk>/meet", views.criterion_meet, name="criterion_meet"),
    path("criteria/<int:pk>/delete", views.criterion_delete, name="criterion_delete"),
    path("gate-actions/<int:pk>/edit", views.gate_action_edit, name="gate_action_edit"),
    path("gate-actions/<int:pk>/finish", views.gate_action_finish, name="gate_action_finish"),
    path("gate-actions/<int:pk>/delete", views.gate_action_delete, name="gate_action_delete"),
    path("p/<key:key>/related", views.related, name="related"),
    path("p/<key:key>/related/new", views.related_create, name="related_create"),
    path("related/<int:pk>/delete", views.related_delete, name="related_delete"),
    path("objectives/new", views.objective_create, name="objective_create"),
    path("objectives/<int:pk>/edit", views.objective_edit, name="objective_edit"),
    path("objectives/<int:pk>/delete", views.objective_delete, name="objective_delete"),
]
