from django.urls import path

from programs import people
from programs.views import members, objectives, phases, related, starting

urlpatterns = [
    path("settings/people", people.people, name="people"),
    path("settings/people/<int:pk>", people.person, name="person"),
    path("settings/slots", people.open_slots, name="open_slots"),
    path("programs/new/blank", starting.program_create, name="program_create"),
    path("p/<key:key>/people", members.program_people, name="program_people"),
    path("p/<key:key>/roles/new", members.role_give, name="role_give"),
    path("roles/<int:pk>/edit", members.role_edit, name="role_edit"),
    path("roles/<int:pk>/delete", members.role_delete, name="role_delete"),
    path("p/<key:key>/slots/new", members.slot_create, name="slot_create"),
    path("slots/<int:pk>/edit", members.slot_edit, name="slot_edit"),
    path("slots/<int:pk>/delete", members.slot_delete, name="slot_delete"),
    path("p/<key:key>/phases", phases.phases, name="phases"),
    path("p/<key:key>/phases/new", phases.phase_create, name="phase_create"),
    path("phases/<int:pk>/edit", phases.phase_edit, name="phase_edit"),
    path("phases/<int:pk>/delete", phases.phase_delete, name="phase_delete"),
    path("phases/<int:pk>/decide", phases.gate_decide, name="gate_decide"),
    path("phases/<int:pk>/criteria/new", phases.criterion_create, name="criterion_create"),
    path("phases/<int:pk>/actions/new", phases.gate_action_create, name="gate_action_create"),
    path("criteria/<int:pk>/edit", phases.criterion_edit, name="criterion_edit"),
    path("criteria/<int:pk>/meet", phases.criterion_meet, name="criterion_meet"),
    path("criteria/<int:pk>/delete", phases.criterion_delete, name="criterion_delete"),
    path("gate-actions/<int:pk>/edit", phases.gate_action_edit, name="gate_action_edit"),
    path("gate-actions/<int:pk>/finish", phases.gate_action_finish, name="gate_action_finish"),
    path("gate-actions/<int:pk>/delete", phases.gate_action_delete, name="gate_action_delete"),
    path("p/<key:key>/related", related.related, name="related"),
    path("p/<key:key>/related/new", related.related_create, name="related_create"),
    path("related/<int:pk>/delete", related.related_delete, name="related_delete"),
    path("objectives/new", objectives.objective_create, name="objective_create"),
    path("objectives/<int:pk>/edit", objectives.objective_edit, name="objective_edit"),
    path("objectives/<int:pk>/delete", objectives.objective_delete, name="objective_delete"),
]
