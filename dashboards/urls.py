from django.urls import path

from dashboards import views

urlpatterns = [
    path("", views.portfolio, name="portfolio"),
    path("p/<str:key>", views.program, name="program"),
    path("healthz", views.healthz, name="healthz"),
]
