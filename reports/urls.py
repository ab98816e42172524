from django.urls import path

from reports.letters import views as letters
from reports.plans import views as plans
from reports.reviews import views as reviews
from reports.updates import editor
from reports.updates import views as updates
from reports.updates.rules import views as rules

urlpatterns = [
    path("p/<key:key>/updates", updates.update_list, name="update_list"),
    path("p/<key:key>/updates/new", editor.update_begin, name="update_begin"),
    path("u/<int:pk>", updates.update_detail, name="update"),
    path("u/<int:pk>/edit", editor.update_change, name="update_change"),
    path("u/<int:pk>/correct", updates.update_correct, name="update_correct"),
    path("u/<int:pk>/discard", updates.update_discard, name="update_discard"),
    path("reviews", reviews.review_list, name="reviews"),
    path("reviews/new", reviews.review_hold, name="review_hold"),
    path("reviews/<int:pk>", reviews.review, name="review"),
    path("reviews/<int:pk>/edit", reviews.review_edit, name="review_edit"),
    path("reviews/<int:pk>/delete", reviews.review_delete, name="review_delete"),
    path("reviews/<int:pk>/actions/new", reviews.action_take, name="review_action_take"),
    path("p/<key:key>/sync/actions/new", reviews.sync_action_take, name="sync_action_take"),
    path("review-actions/<int:pk>/edit", reviews.action_edit, name="review_action_edit"),
    path("review-actions/<int:pk>/finish", reviews.action_finish, name="review_action_finish"),
    path("review-actions/<int:pk>/drop", reviews.action_drop, name="review_action_drop"),
    path("settings/update-rules", rules.update_rules, name="update_rules"),
    path("settings/update-rules/edit", rules.update_rules_edit, name="update_rules_edit"),
    path("plan", plans.plan_overview, name="plan"),
    path("plans/new", plans.plan_create, name="plan_create"),
    path("plans/<int:pk>", plans.plan_detail, name="plan_detail"),
    path("plans/<int:pk>/edit", plans.plan_change, name="plan_change"),
    path("plans/<int:pk>/end", plans.plan_end, name="plan_end"),
    path("plans/<int:pk>/subscribe", plans.plan_subscribe, name="plan_subscribe"),
    path("plans/<int:pk>/readers/new", plans.reader_add, name="reader_add"),
    path("plans/<int:pk>/invite", plans.reader_invite, name="reader_invite"),
    path("plans/<int:pk>/webhook", plans.webhook_set, name="webhook_set"),
    path("readers/<int:pk>/end", plans.reader_end, name="reader_end"),
    path("p/<key:key>/nudge", plans.nudge, name="nudge"),
    path("letters", letters.letter_list, name="letter_list"),
    path("letters/<int:pk>", letters.letter, name="letter"),
    path("letters/<int:pk>.txt", letters.letter_text, name="letter_text"),
    path("letters/shared/<str:token>", letters.letter_shared, name="letter_shared"),
    path("letters/<int:pk>/again", letters.letter_again, name="letter_again"),
    path("settings/letters", letters.letter_settings, name="letter_settings"),
    path("settings/letters/<int:pk>", letters.letter_own, name="letter_own"),
    path("settings/letters/<int:pk>/now", letters.letter_now, name="letter_now"),
    path("settings/letters/<int:pk>/end", letters.letter_end, name="letter_end"),
    path("unsubscribe/<str:token>", letters.unsubscribe, name="unsubscribe"),
    path("opt-in/<str:token>", letters.opt_in, name="opt_in"),
]
