from django.urls import path

from forecasts import views

urlpatterns = [
    path("settings/health-policy", views.policy),
    path("settings/health-policy/edit", views.policy_edit),
]
