from django.urls import path

from changes import pages, views

urlpatterns = [
    path("changes", pages.changes, name="changes"),
    path("p/<key:key>/changes", pages.changes),
    path("programs/new", views.program_new, name="program_new"),
    path("programs/new/<slug:slug>", views.program_from_template, name="program_from_template"),
    path("p/<key:key>/copy", views.program_copy, name="program_copy"),
    path("undo", views.undo, name="undo"),
]
