from django.urls import path

from changes import views

urlpatterns = [
    path("programs/new", views.program_new, name="program_new"),
    path("programs/new/<slug:slug>", views.program_from_template, name="program_from_template"),
    path("p/<key:key>/copy", views.program_copy, name="program_copy"),
    path("undo", views.undo, name="undo"),
]
