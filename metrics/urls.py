from django.urls import path

from metrics import lists, views

urlpatterns = [
    path("kpis", lists.kpis, name="kpis"),
    path("p/<key:key>/kpis", lists.kpis),
    path("p/<key:key>/kpis/new", views.kpi_create),
    path("p/<key:key>/kpis/<int:pk>", views.kpi),
    path("p/<key:key>/kpis/<int:pk>/edit", views.kpi_edit),
    path("p/<key:key>/kpis/<int:pk>/retire", views.kpi_retire),
    path("p/<key:key>/kpis/<int:pk>/delete", views.kpi_delete),
    path("p/<key:key>/kpis/<int:pk>/measurements/new", views.measurement_create),
    path("measurements/<int:pk>/edit", views.measurement_edit),
    path("measurements/<int:pk>/delete", views.measurement_delete),
]
