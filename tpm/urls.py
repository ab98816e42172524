"""Every address: an app's pages are in its urls.py, its API routes in its api.py."""

from typing import Any

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path, re_path, register_converter
from rest_framework.routers import SimpleRouter

import changes.api
import dashboards.api
import dashboards.dependencies_api
import dashboards.weekly.api
import forecasts.api
import integrations.api
import metrics.api
import milestones.api
import people.api
import people.views
import programs.api
import programs.pages
import reports.letters.api
import reports.plans.api
import reports.reviews.api
import reports.updates.api
import reports.updates.rules.api
import risks.api
import tpm.api
from tpm.nouns import Noun

register_converter(programs.pages.KeyInPath, "key")

# allauth mounts more than we need (sign-up, codes, address changes): only these.
sign_in = [
    path("account/login", people.views.sign_in, name="account_login"),
    path("account/logout", account.logout, name="account_logout"),
    path("account/inactive", account.account_inactive, name="account_inactive"),
    path("account/password", account.password_reset, name="account_reset_password"),
    path("account/password/sent", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^account/password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("account/password/changed", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
]

nouns: dict[str, type[Noun[Any]]] = {
    "programs": changes.api.Programs,
    "roles": programs.api.Roles,
    "slots": programs.api.Slots,
    "phases": programs.api.Phases,
    "gate-criteria": programs.api.GateCriteria,
    "gate-actions": programs.api.GateActions,
    "objectives": programs.api.Objectives,
    "related-links": programs.api.RelatedLinks,
    "workstreams": milestones.api.Workstreams,
    "milestones": milestones.api.Milestones,
    "dependencies": dashboards.dependencies_api.Dependencies,
    "requirements": milestones.api.Requirements,
    "slip-causes": milestones.api.SlipCauses,
    "date-moves": milestones.api.DateMoves,
    "baselines": forecasts.api.Baselines,
    "baseline-dates": forecasts.api.BaselineDates,
    "forecasts": forecasts.api.Forecasts,
    "risk-forecasts": forecasts.api.RiskForecasts,
    "program-healths": forecasts.api.ProgramHealths,
    "health-policies": forecasts.api.HealthPolicies,
    "risks": risks.api.Risks,
    "mitigation-actions": risks.api.MitigationActions,
    "issues": risks.api.Issues,
    "assumptions": risks.api.Assumptions,
    "decisions": risks.api.Decisions,
    "problems": risks.api.Problems,
    "change-sets": changes.api.ChangeSets,
    "kpis": metrics.api.KPIs,
    "measurements": metrics.api.Measurements,
    "updates": reports.updates.api.Updates,
    "reviews": reports.reviews.api.Reviews,
    "review-actions": reports.reviews.api.ReviewActions,
    "update-rules": reports.updates.rules.api.UpdateRules,
    "comments": dashboards.api.Comments,
    "watches": dashboards.api.Watches,
    "notices": dashboards.api.Notices,
    "plans": reports.plans.api.Plans,
    "subscriptions": reports.plans.api.Subscriptions,
    "letters": reports.letters.api.Letters,
    "users": people.api.Users,
    "teams": people.api.Teams,
    "calendars": people.api.Calendars,
    "tokens": people.api.Tokens,
    "saved-views": people.api.SavedViews,
}
router = SimpleRouter(trailing_slash=False)
for name, noun in nouns.items():
    router.register(name, noun, basename=name)

api_routes: list[URLPattern | URLResolver] = [
    *router.urls,
    path("programs/<key:key>/health", forecasts.api.Healths.as_view({"get": "list"}), name="health"),
    path("programs/<key:key>/why", forecasts.api.Why.as_view({"get": "retrieve"}), name="why"),
    path("programs/<key:key>/trends", forecasts.api.Trends.as_view(), name="trends"),
    path("programs/<key:key>/update-draft", reports.updates.api.Draft.as_view(), name="update_draft"),
    path("milestones/<int:pk>/drivers", forecasts.api.Drivers.as_view(), name="drivers"),
    path("program-templates", changes.api.Templates.as_view(), name="program_templates"),
    path("accuracy", forecasts.api.Accuracy.as_view(), name="accuracy"),
    path("quality", forecasts.api.Quality.as_view(), name="quality"),
    path("what-if", forecasts.api.WhatIf.as_view(), name="what_if"),
    path("programs/<key:key>/sync", dashboards.weekly.api.Sync.as_view(), name="sync"),
    path("programs/<key:key>/shared-hours", dashboards.api.SharedHours.as_view(), name="shared_hours"),
    path("teams/<int:pk>/promises", dashboards.api.Promises.as_view(), name="promises"),
    path("updates/owed", dashboards.weekly.api.OwedUpdates.as_view(), name="updates_owed"),
    path("updates/late", dashboards.weekly.api.LateUpdates.as_view(), name="updates_late"),
    path("teams/<int:pk>/load", forecasts.api.Load.as_view(), name="load"),
    path(
        "organisation",
        people.api.TheOrganisation.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="organisation",
    ),
    path("imports", integrations.api.Imports.as_view(), name="imports"),
    path("imports/<int:pk>", integrations.api.Import.as_view(), name="import"),
    path("inbox", dashboards.api.Inbox.as_view(), name="inbox"),
    path("inbox/read", dashboards.api.InboxRead.as_view(), name="inbox_read"),
    path("search", dashboards.api.Search.as_view(), name="search"),
    path("me", people.api.Me.as_view(), name="me"),
    path("openapi.json", tpm.api.Document.as_view(), name="document"),
    path("docs", tpm.api.docs, name="docs"),
    re_path(r"", tpm.api.Nothing.as_view(), name="nothing"),
]

handler400 = tpm.api.unreadable
handler500 = tpm.api.crashed

urlpatterns: list[URLPattern | URLResolver] = [
    *sign_in,
    path("api/v1", tpm.api.Nothing.as_view()),
    path("api/v1/", include((api_routes, "api"))),
    path("", include("people.urls")),
    path("", include("programs.urls")),
    path("", include("dashboards.urls")),
    path("", include("forecasts.urls")),
    path("", include("milestones.urls")),
    path("", include("risks.urls")),
    path("", include("metrics.urls")),
    path("", include("changes.urls")),
    path("", include("reports.urls")),
    path("", include("integrations.urls")),
]
