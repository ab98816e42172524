from django.urls import path

from people import saved_views, views

urlpatterns = [
    path("account/unsent", views.unsent, name="unsent"),
    path("day", views.day_meant),
    path("views", saved_views.views, name="saved_views"),
    path("views/new", saved_views.view_save, name="view_save"),
    path("views/<slug:slug>", saved_views.view_open),
    path("views/<slug:slug>/edit", saved_views.view_edit),
    path("views/<slug:slug>/delete", saved_views.view_delete),
    path("set-up", views.set_up, name="set_up"),
    path("teams/new", views.team_create, name="team_create"),
    path("teams/<int:pk>/edit", views.team_edit, name="team_edit"),
    path("teams/<int:pk>/members", views.team_members, name="team_members"),
    path("teams/<int:pk>/delete", views.team_delete, name="team_delete"),
    path("jobs/<int:pk>/open", views.job_open),
    path("jobs/<int:pk>/done", views.job_put_away),
    path("settings", views.settings, name="settings"),
    path("settings/profile", views.profile, name="profile"),
    path("settings/tokens", views.tokens, name="tokens"),
    path("settings/tokens/new", views.token_create, name="token_create"),
    path("settings/tokens/<int:pk>/revoke", views.token_revoke, name="token_revoke"),
    path("settings/organisation", views.organisation, name="organisation"),
    path("settings/people/new", views.person_create, name="person_create"),
    path("settings/people/<int:pk>/edit", views.person_edit, name="person_edit"),
    path("settings/calendars", views.calendars, name="calendars"),
    path("settings/calendars/new", views.calendar_create, name="calendar_create"),
    path("settings/calendars/<int:pk>/edit", views.calendar_edit, name="calendar_edit"),
    path("settings/calendars/<int:pk>/delete", views.calendar_delete, name="calendar_delete"),
]
