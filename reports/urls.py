from django.urls import path

from reports import views

urlpatterns = [
    path("p/<key:key>/updates", views.update_list, name="update_list"),
    path("p/<key:key>/updates/new", views.update_begin, name="update_begin"),
    path("updates/mine", views.update_mine, name="update_mine"),
    path("u/<int:pk>", views.update_detail, name="update"),
    path("u/<int:pk>/edit", views.update_change, name="update_change"),
    path("u/<int:pk>/discard", views.update_discard, name="update_discard"),
    path("letters", views.letter_list, name="letter_list"),
    path("letters/<int:pk>", views.letter, name="letter"),
    path("letters/<int:pk>.txt", views.letter_text, name="letter_text"),
    path("settings/letter", views.letter_settings, name="letter_settings"),
    path("settings/letter/now", views.letter_now, name="letter_now"),
    path("settings/letter/end", views.letter_end, name="letter_end"),
    path("unsubscribe/<str:token>", views.unsubscribe, name="unsubscribe"),
]
