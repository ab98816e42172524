"""The organisation, its people, teams and working calendars, one's own access tokens, and saved views."""

from __future__ import annotations

from typing import Any, TypedDict

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from people import services
from people.models import WEEKDAYS, AccessToken, Organisation, SavedView, Team, User, WorkingCalendar
from tpm.api import Endpoint
from tpm.nouns import (
    DAY,
    REFERENCE,
    TEXT,
    Changeable,
    Creatable,
    Deletable,
    Editable,
    Filters,
    IdFilter,
    In,
    Out,
    Part,
    VisibleList,
)

# -- people ----------------------------------------------------------------------------------------------------------


class UserOut(Out[User]):
    appearance = serializers.SerializerMethodField(help_text="One's own alone: null of everybody else.")

    class Meta:
        model = User
        fields = ["id", "name", "time_zone", "appearance", "is_active", "version"]

    def get_appearance(self, user: User) -> str | None:
        return user.appearance if user.pk == self.context["request"].user.pk else None


class UserIn(In[User]):
    class Meta:
        model = User
        fields = ["email", "name", "time_zone", "is_admin"]


class UserChange(In[User]):
    class Meta:
        model = User
        fields = ["email", "name", "time_zone", "appearance", "is_admin", "is_active"]


class UsersFilters(Filters):
    team = IdFilter(field_name="memberships__team", distinct=True)

    class Meta(Filters.Meta):
        model = User
        fields = {"id": ["in"], "name": TEXT, "is_active": ["exact"]}


class Users(Creatable[User], Changeable[User]):
    """Everyone's name and zone, for all; administrators add people and change them. E-mail addresses stay with them.

    Light or dark is one's own choice, which nobody else sees or changes.
    """

    queryset = User.objects.all()
    out, new, change = UserOut, UserIn, UserChange
    filterset_class = UsersFilters
    sorts = {"id": "id", "name": "name"}

    def add(self, user: User, fields: dict[str, Any]) -> User:
        return services.create_user(by=user, password=None, **fields)

    def alter(self, user: User, row: User, fields: dict[str, Any]) -> User:
        return services.change_user(user=row, by=user, **fields)


class MeOut(Out[User]):
    teams = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["id", "email", "name", "time_zone", "appearance", "is_admin", "teams", "version"]

    def get_teams(self, user: User) -> list[int]:
        return sorted(user.memberships.values_list("team_id", flat=True))


class Me(Endpoint):
    @extend_schema(operation_id="me", responses=MeOut)
    def get(self, request: Request) -> Response:
        """Who asks."""
        user: Any = request.user
        return Response(MeOut(user).data)


# -- teams and calendars ---------------------------------------------------------------------------------------------


class TeamOut(Out[Team]):
    members = serializers.SerializerMethodField()

    class Meta:
        model = Team
        fields = [
            "id", "external_key", "name", "area", "capacity_days", "limits_work", "calendar", "members", "version",
        ]  # fmt: skip

    def get_members(self, team: Team) -> list[int]:
        return sorted(row.user_id for row in team.memberships.all())


class TeamIn(In[Team]):
    members = VisibleList(queryset=User.objects.all(), required=False)

    class Meta:
        model = Team
        fields = ["external_key", "name", "area", "capacity_days", "limits_work", "calendar", "members"]


class TeamsFilters(Filters):
    member = IdFilter(field_name="memberships__user", distinct=True)

    class Meta(Filters.Meta):
        model = Team
        fields = {"external_key": ["exact"], "name": TEXT, "area": TEXT, "calendar": REFERENCE}


class Teams(Editable[Team]):
    """People who deliver together; capacity is in people-days a week. What they are asked for is at /teams/ID/load."""

    queryset = Team.objects.prefetch_related("memberships")
    out, new, change = TeamOut, TeamIn, TeamIn
    shows_sets = True
    filterset_class = TeamsFilters
    sorts = {"id": "id", "name": "name"}

    def add(self, user: User, fields: dict[str, Any]) -> Team:
        members = fields.pop("members", None)
        with transaction.atomic():
            team = services.create_team(by=user, **fields)
            if members:
                services.set_members(team=team, members=members, by=user)
            return team

    def alter(self, user: User, row: Team, fields: dict[str, Any]) -> None:
        members = fields.pop("members", None)
        services.change_team(team=row, by=user, **fields)
        if members is not None:
            services.set_members(team=row, members=members, by=user)

    def remove(self, user: User, row: Team) -> None:
        services.delete_team(team=row, by=user)


class HolidayIn(Part):
    on = serializers.DateField()
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class HolidayShown(TypedDict):
    on: str
    name: str


class CalendarOut(Out[WorkingCalendar]):
    holidays = serializers.SerializerMethodField()

    class Meta:
        model = WorkingCalendar
        fields = ["id", "name", *WEEKDAYS, "holidays", "version"]

    def get_holidays(self, calendar: WorkingCalendar) -> list[HolidayShown]:
        days = sorted(calendar.holidays.all(), key=lambda day: day.on)
        return [{"on": day.on.isoformat(), "name": day.name} for day in days]


class CalendarIn(In[WorkingCalendar]):
    holidays = serializers.ListField(child=HolidayIn(), required=False, max_length=2_000)

    class Meta:
        model = WorkingCalendar
        fields = ["name", *WEEKDAYS, "holidays"]

    def validate_holidays(self, holidays: list[dict[str, Any]]) -> list[tuple[Any, str]]:
        return [(day["on"], day["name"]) for day in holidays]


class CalendarsFilters(Filters):
    class Meta(Filters.Meta):
        model = WorkingCalendar
        fields = {"name": TEXT}


class Calendars(Editable[WorkingCalendar]):
    """Working minutes of each weekday, and holidays; holidays that are given replace all."""

    queryset = WorkingCalendar.objects.prefetch_related("holidays")
    out, new, change = CalendarOut, CalendarIn, CalendarIn
    shows_sets = True
    filterset_class = CalendarsFilters
    sorts = {"id": "id", "name": "name"}

    def add(self, user: User, fields: dict[str, Any]) -> WorkingCalendar:
        return services.create_calendar(by=user, **fields)

    def alter(self, user: User, row: WorkingCalendar, fields: dict[str, Any]) -> WorkingCalendar:
        return services.change_calendar(calendar=row, by=user, **fields)

    def remove(self, user: User, row: WorkingCalendar) -> None:
        services.delete_calendar(calendar=row, by=user)


# -- tokens ----------------------------------------------------------------------------------------------------------


class TokenOut(Out[AccessToken]):
    scopes = serializers.SerializerMethodField()

    class Meta:
        model = AccessToken
        fields = ["id", "name", "prefix", "scopes", "created_at", "expires_on", "last_used_at", "revoked_at"]

    def get_scopes(self, token: AccessToken) -> list[str]:
        return token.scopes.split()


class TokenMade(TokenOut):
    """A new token: the one answer that shows its secret."""

    secret = serializers.CharField(read_only=True)

    class Meta(TokenOut.Meta):
        fields = [*TokenOut.Meta.fields, "secret"]


class TokenIn(In[AccessToken]):
    scopes = serializers.ListField(child=serializers.ChoiceField(AccessToken.Scope.choices), max_length=10)

    class Meta:
        model = AccessToken
        fields = ["name", "scopes", "expires_on"]


class TokensFilters(Filters):
    class Meta(Filters.Meta):
        model = AccessToken
        fields = {"name": TEXT, "expires_on": DAY, "revoked_at": ["isnull"]}


class Tokens(Creatable[AccessToken], Deletable[AccessToken]):
    """One's own access tokens. Deleting one revokes it; it stays in the list."""

    queryset = AccessToken.objects.all()
    out, new, made = TokenOut, TokenIn, TokenMade
    filterset_class = TokensFilters
    sorts = {"id": "id", "expires_on": "expires_on", "last_used_at": "last_used_at"}

    def create(self, request: Request, **kwargs: Any) -> Response:
        fields = self.taken(request)
        self.refuse_more_than_mine(fields)
        row, secret = services.issue_token(user=self.user, today=services.today(timezone.now()), **fields)
        answer = self.created(row)
        answer.data["secret"] = secret
        answer["Cache-Control"] = "no-store"
        return answer

    def refuse_more_than_mine(self, fields: dict[str, Any]) -> None:
        """A token that leaks must not make itself a stronger or longer one."""
        mine = self.request.auth
        if not isinstance(mine, AccessToken):
            return
        if not all(mine.allows(scope) for scope in fields["scopes"]):
            raise PermissionDenied(_("A token cannot make one with more scopes than it has. Make it in Settings."))
        if fields["expires_on"] > mine.expires_on:
            raise PermissionDenied(_("A token cannot make one that outlives it. Make it in Settings."))

    def remove(self, user: User, row: AccessToken) -> None:
        services.revoke_token(token=row, at=timezone.now())


# -- saved views -----------------------------------------------------------------------------------------------------


class SavedViewOut(Out[SavedView]):
    slug = serializers.CharField(read_only=True)

    class Meta:
        model = SavedView
        fields = ["id", "slug", "name", "owner", "path", "query", "is_shared", "version"]


class SavedViewIn(In[SavedView]):
    class Meta:
        model = SavedView
        fields = ["name", "path", "query", "is_shared"]


class SavedViewsFilters(Filters):
    class Meta(Filters.Meta):
        model = SavedView
        fields = {"name": TEXT, "path": ["exact"], "owner": REFERENCE, "is_shared": ["exact"]}


class SavedViews(Editable[SavedView]):
    """Pages with their filters and order under a name: one's own, and those that others share with everyone."""

    queryset = SavedView.objects.all()
    out, new, change = SavedViewOut, SavedViewIn, SavedViewIn
    filterset_class = SavedViewsFilters
    sorts = {"id": "id", "name": "name"}

    def add(self, user: User, fields: dict[str, Any]) -> SavedView:
        return services.save_view(by=user, **fields)

    def alter(self, user: User, row: SavedView, fields: dict[str, Any]) -> SavedView:
        return services.change_view(view=row, by=user, **fields)

    def remove(self, user: User, row: SavedView) -> None:
        services.delete_view(view=row, by=user)


# -- the organisation ------------------------------------------------------------------------------------------------


class OrganisationOut(Out[Organisation]):
    class Meta:
        model = Organisation
        fields = ["name", "time_zone", "calendar", "version"]


class OrganisationChange(In[Organisation]):
    class Meta:
        model = Organisation
        fields = ["name", "time_zone", "calendar"]


class TheOrganisation(Changeable[Organisation]):
    """The one organisation; its zone says which day is today."""

    queryset = Organisation.objects.all()
    out, change = OrganisationOut, OrganisationChange

    def find(self) -> Organisation:
        found = Organisation.objects.first()
        if found is None:
            raise exceptions.NotFound(_("The organisation is not set up yet."))
        return found

    def alter(self, user: User, row: Organisation, fields: dict[str, Any]) -> Organisation:
        return services.change_organisation(organisation=row, by=user, **fields)
