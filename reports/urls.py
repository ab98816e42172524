from django.urls import path

from reports import editor_views, rules_views, update_views, views

urlpatterns = [
    path("p/<key:key>/updates", update_views.update_list, name="update_list"),
    path("p/<key:key>/updates/new", editor_views.update_begin, name="update_begin"),
    path("updates/mine", update_views.update_mine, name="update_mine"),
    path("u/<int:pk>", update_views.update_detail, name="update"),
    path("u/<int:pk>/edit", editor_views.update_change, name="update_change"),
    path("u/<int:pk>/correct", update_views.update_correct, name="update_correct"),
    path("u/<int:pk>/discard", update_views.update_discard, name="update_discard"),
    path("settings/update-rules", rules_views.update_rules, name="update_rules"),
    path("settings/update-rules/edit", rules_views.update_rules_edit, name="update_rules_edit"),
    path("letters", views.letter_list, name="letter_list"),
    path("letters/<int:pk>", views.letter, name="letter"),
    path("letters/<int:pk>.txt", views.letter_text, name="letter_text"),
    path("settings/letter", views.letter_settings, name="letter_settings"),
    path("settings/letter/now", views.letter_now, name="letter_now"),
    path("settings/letter/end", views.letter_end, name="letter_end"),
    path("unsubscribe/<str:token>", views.unsubscribe, name="unsubscribe"),
]
