from django.urls import path

from changes import views

urlpatterns = [
    path("undo", views.undo, name="undo"),
]
