from django.urls import path

from forecasts import views

urlpatterns = [
    path("m/<int:pk>/impact", views.milestone_impact),
    path("m/<int:pk>/links/impact", views.new_link_impact),
    path("links/<int:pk>/impact", views.link_impact),
    path("links/<int:pk>/answer/impact", views.answer_impact),
    path("links/<int:pk>/reply/impact", views.reply_impact),
    path("settings/health-policy", views.policy),
    path("settings/health-policy/edit", views.policy_edit),
]
