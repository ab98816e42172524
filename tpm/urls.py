"""Every address: an app's pages are in its urls.py, its API routes in its api.py."""

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path, re_path

# allauth mounts more than we need (sign-up, codes, address changes): only these.
sign_in = [
    path("account/login", account.login, name="account_login"),
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

urlpatterns: list[URLPattern | URLResolver] = [
    *sign_in,
    path("", include("dashboards.urls")),
]
