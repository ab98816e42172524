"""The shape of a noun in the API: what is shown, what is taken, filters, and its endpoints."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django_filters import rest_framework as filters
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import exceptions, serializers, status
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.validators import UniqueValidator
from rest_framework.viewsets import GenericViewSet

from people.models import User
from tpm.api import (
    CursorPages,
    Endpoint,
    PreconditionFailed,
    PreconditionRequired,
    QueryRefused,
    etag,
    is_known,
    matches,
)

M = TypeVar("M", bound=models.Model)
LARGEST_ID = 2**63 - 1
# Before or after the point; our own numbers have fourteen at most.
MOST_DIGITS = 30


# -- what is taken ---------------------------------------------------------------------------------------------------


def seen(rows: Any, request: Request) -> QuerySet[Any]:
    """The rows that whoever asks may see; what belongs to the organisation has no such limit."""
    return rows.visible_to(request.user) if hasattr(rows, "visible_to") else rows.all()  # type: ignore[no-any-return]


class Visible(serializers.PrimaryKeyRelatedField):  # type: ignore[type-arg]
    """A reference by id to a row that the asking person may see; a hidden one is as unknown as a missing one."""

    default_error_messages = {"does_not_exist": lazy("There is no such record.")}

    def __init__(self, **kwargs: Any) -> None:
        # Without it 1.7 would be read as 1, and 1e400 is no number at all.
        kwargs.setdefault("pk_field", serializers.IntegerField())
        super().__init__(**kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        return seen(super().get_queryset(), self.context["request"])


class VisibleList(serializers.ListField):
    """References by id, looked up at once."""

    def __init__(self, *, queryset: Any, **kwargs: Any) -> None:
        self.queryset = queryset
        super().__init__(child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID), max_length=500, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        ids = super().to_internal_value(data)
        rows = {row.pk: row for row in seen(self.queryset, self.context["request"]).filter(pk__in=ids)}
        missing = {str(place): [_("There is no such record.")] for place, pk in enumerate(ids) if pk not in rows}
        if missing:
            raise serializers.ValidationError(missing)
        return [rows[pk] for pk in dict.fromkeys(ids)]


class ProgramKey(serializers.SlugRelatedField):  # type: ignore[type-arg]
    """A reference to a program by its key."""

    default_error_messages = {"does_not_exist": lazy("There is no program with this key.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="key", **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        return seen(super().get_queryset(), self.context["request"])


class In(serializers.ModelSerializer[M]):
    """What a verb takes: fields of the model by name, checked for their form alone. The services know the rules."""

    serializer_related_field = Visible

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        made, kwargs = super().build_standard_field(field_name, model_field)
        if "validators" in kwargs:
            kwargs["validators"] = [check for check in kwargs["validators"] if not isinstance(check, UniqueValidator)]
        own = model_field._error_messages or {}
        if told := {code: own[code] for code in own.keys() & made.default_error_messages.keys()}:
            kwargs["error_messages"] = told
        return made, kwargs

    def get_uniqueness_extra_kwargs(self, field_names: Any, declared_fields: Any, extra_kwargs: Any) -> Any:
        return extra_kwargs, {}

    def get_validators(self) -> list[Any]:
        return []


class Part(serializers.Serializer[Any]):
    """An entry of a list that is replaced as a whole: it is checked in full even where only some fields are sent."""

    def run_validation(self, data: Any = empty) -> Any:
        # A serializer asks its outermost one whether fields may be missing; alone, it is that itself.
        return (
            super().run_validation(data)
            if self.parent is None
            else type(self)(context=self.context).run_validation(data)
        )


class NoFields(serializers.Serializer[Any]):
    """A verb that takes no fields."""


# -- what is shown ---------------------------------------------------------------------------------------------------


class Out(serializers.ModelSerializer[M]):
    """What is shown of a row: read-only, its fields listed.

    Columns go to the JSON encoder as they are; only what a serializer computes passes through its fields. That is
    three times as quick as asking each field, which a list of a hundred rows feels.
    """

    def get_extra_kwargs(self) -> dict[str, Any]:
        return {name: {"read_only": True} for name in self.Meta.fields}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = {}
        for name, column in columns(type(self)):
            if column:
                value = getattr(instance, column)
                shown[name] = str(value) if isinstance(value, Decimal) else value
            else:
                field = self.fields[name]
                value = field.get_attribute(instance)
                shown[name] = None if value is None else field.to_representation(value)
        return shown


@cache
def columns(shape: type[Out[Any]]) -> tuple[tuple[str, str], ...]:
    """The fields of an Out serializer, each with the attribute that is shown as it is, or "" when it is computed."""
    found = []
    for name, field in shape().fields.items():
        computed = isinstance(field, serializers.BaseSerializer | serializers.SerializerMethodField)
        column = "" if computed else str(field.source)
        found.append((name, f"{column}_id" if isinstance(field, serializers.PrimaryKeyRelatedField) else column))
    return tuple(found)


# -- filters ---------------------------------------------------------------------------------------------------------


class IdField(forms.IntegerField):
    """A whole number that the database can hold. forms.DecimalField would spell out 1e999999999."""

    default_validators = [MinValueValidator(-LARGEST_ID), MaxValueValidator(LARGEST_ID)]


class DecimalField(forms.DecimalField):
    """A number that the database can compare: it overflows where one is spelt with thousands of digits."""

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # as Django's own does
        number = super().to_python(value)
        if number is not None and number.is_finite():
            ends = (number.adjusted(), number.as_tuple().exponent)
            if any(abs(int(end)) > MOST_DIGITS for end in ends):
                raise ValidationError(self.error_messages["invalid"], code="invalid")
        return number


class MomentField(forms.DateTimeField):
    """A moment that can be told in UTC, as the database keeps it."""

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError as refusal:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from refusal


class TrueFalseField(forms.Field):
    def to_python(self, value: Any) -> bool | None:
        if value in (None, ""):
            return None
        if value not in ("true", "false"):
            raise ValidationError(_("Say true or false."), code="invalid")
        return bool(value == "true")


@extend_schema_field({"type": "integer"})
class IdFilter(filters.NumberFilter):
    field_class = IdField  # type: ignore[assignment]

    def get_max_validator(self) -> None:
        return None


class DecimalFilter(filters.NumberFilter):
    field_class = DecimalField


class MomentFilter(filters.DateTimeFilter):
    field_class = MomentField


class TrueFalse(filters.BooleanFilter):
    field_class = TrueFalseField  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra["widget"] = forms.TextInput


class TextIn(filters.BaseInFilter, filters.CharFilter):
    """Several texts, separated by commas."""


class ChoiceIn(filters.BaseInFilter, filters.ChoiceFilter):
    """Several of a field's choices, separated by commas."""


DAY = ["exact", "gte", "lte", "gt", "lt", "isnull"]
REFERENCE = ["exact", "in", "isnull"]
CHOICE = ["exact", "in"]
NUMBER = ["exact", "gte", "lte", "gt", "lt"]
TEXT = ["exact", "icontains"]


def _iso_day(_field: Any) -> dict[str, Any]:
    return {"input_formats": ["%Y-%m-%d"]}


class Filters(filters.FilterSet):
    """Query parameters of a list, such as ``due_on__gte``. References are ids, never looked up: nothing to guess."""

    class Meta:
        filter_overrides = {
            models.ForeignKey: {"filter_class": IdFilter},
            models.OneToOneField: {"filter_class": IdFilter},
            models.BigAutoField: {"filter_class": IdFilter},
            models.PositiveIntegerField: {"filter_class": IdFilter},
            models.PositiveSmallIntegerField: {"filter_class": IdFilter},
            models.IntegerField: {"filter_class": IdFilter},
            models.DecimalField: {"filter_class": DecimalFilter},
            models.BooleanField: {"filter_class": TrueFalse},
            models.DateTimeField: {"filter_class": MomentFilter},
            models.DateField: {"filter_class": filters.DateFilter, "extra": _iso_day},
        }

    @classmethod
    def filter_for_lookup(cls, field: Any, lookup_type: str) -> Any:
        if lookup_type == "in" and field.choices:
            return ChoiceIn, {"choices": field.choices}
        return super().filter_for_lookup(field, lookup_type)


class ProgramFilters(Filters):
    """Of what belongs to one program: ``program=KEY``."""

    program = filters.CharFilter(field_name="program__key", lookup_expr="iexact")
    program__in = TextIn(field_name="program__key", lookup_expr="in")


class KnownFilters(filters.DjangoFilterBackend):
    """Refuses a parameter that it does not know: a misspelt filter must not answer with everything."""

    def filter_queryset(self, request: Any, queryset: QuerySet[M], view: Any) -> QuerySet[M]:
        shape = self.get_filterset_class(view, queryset)
        known = (set(shape.base_filters) if shape else set()) | set(view.pagination_class.parameters)
        unknown = sorted(request.query_params.keys() - known)
        if unknown:
            names = ", ".join(sorted(known))
            raise QueryRefused(dict.fromkeys(unknown, _("Unknown. Known here: %(names)s.") % {"names": names}))
        given = request.query_params.keys() - view.pagination_class.parameters
        filterset = self.get_filterset(request, queryset, view) if given else None
        if filterset is None:
            return queryset
        # Its form would be built of all fields, forty for a milestone.
        filterset.filters = OrderedDict((name, filterset.filters[name]) for name in given)
        if not filterset.is_valid():
            raise QueryRefused({name: " ".join(map(str, texts)) for name, texts in filterset.errors.items()})
        return filterset.qs


# -- endpoints -------------------------------------------------------------------------------------------------------


class NounSchema(AutoSchema):
    """Verbs answer with what reading shows; a change asks for If-Match."""

    def get_response_serializers(self) -> Any:
        if self.method == "DELETE":
            return None
        view: Any = self.view
        if view.action == "list":
            return view.out
        return (view.made if view.action == "create" else None) or view.whole or view.out

    def get_override_parameters(self) -> list[Any]:
        if self.method == "PATCH":
            text = "The ETag of what you read; without it 428, after somebody else's change 412."
            return [OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True, description=text)]
        return []


class Noun(Endpoint, GenericViewSet[Any], Generic[M]):
    """Endpoints of one noun: a list and one. Each finds, permits, makes one call and answers.

    A subclass names its rows and serializers. What it can do beside reading it says with its bases (Creatable,
    Changeable, Deletable), whose ``add``, ``alter`` and ``remove`` make the one call, and with verbs (``act``).
    """

    schema = NounSchema()
    pagination_class = CursorPages
    filter_backends = [KnownFilters]
    lookup_value_regex = r"[0-9]{1,19}"
    basename: str
    out: ClassVar[type[serializers.BaseSerializer[Any]]]
    new: ClassVar[type[serializers.BaseSerializer[Any]]]
    change: ClassVar[type[serializers.BaseSerializer[Any]]]
    # What one row shows where that is more than in a list, and what a create answers where that is more still.
    whole: ClassVar[type[serializers.BaseSerializer[Any]] | None] = None
    made: ClassVar[type[serializers.BaseSerializer[Any]] | None] = None
    # Whether a row shows sets that are replaced as a whole: their change does not raise the row's version.
    shows_sets: ClassVar[bool] = False
    sorts: ClassVar[dict[str, str]] = {"id": "id"}
    default_sort: ClassVar[str] = "id"

    def get_queryset(self) -> QuerySet[Any]:
        return seen(super().get_queryset(), self.request)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        if self.action == "create":
            return self.new
        if self.action == "partial_update":
            return self.change
        return self.serializer_class or self.out

    def list(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.out(page, many=True, context=self.get_serializer_context()).data)

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        answer = self.show(self.find())
        if is_known(request.headers.get("If-None-Match", ""), answer["ETag"]):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": answer["ETag"]})
        return answer

    def find(self) -> M:
        """The row that the address names, if it can be seen."""
        row: M | None = self.get_queryset().filter(**{self.lookup_field: self.kwargs[self.lookup_field]}).first()
        if row is None:
            raise Http404
        return row

    def show(self, row: M, code: int = status.HTTP_200_OK) -> Response:
        shown = (self.whole or self.out)(row, context=self.get_serializer_context()).data
        return Response(shown, status=code, headers={"ETag": etag(getattr(row, "version", None), shown)})

    def act(self, request: Request, call: Callable[[User, M, dict[str, Any]], Any]) -> Response:
        """A verb on one row: find it, read what the verb takes, make the call, show the row."""
        with transaction.atomic():
            row = self.locked(request, required=False)
            call(self.user, row, self.taken(request))
            return self.shown_again(row)

    def shown_again(self, row: M) -> Response:
        """The row as it stands now; without a body where the writer can no longer see it."""
        current = self.get_queryset().filter(pk=row.pk).first()
        return self.show(current) if current else Response(status=status.HTTP_204_NO_CONTENT)

    @property
    def user(self) -> User:
        user = self.request.user
        if not isinstance(user, User):
            raise exceptions.NotAuthenticated
        return user

    def taken(self, request: Request, row: M | None = None) -> dict[str, Any]:
        """The fields of the request, checked for their form; an unknown one is refused."""
        given: Any = self.get_serializer(row, data=request.data, partial=row is not None)
        if isinstance(request.data, dict):
            known = [name for name, field in given.fields.items() if not field.read_only]
            unknown = [name for name in request.data if name not in known]
            if unknown:
                form = _("Unknown. Known here: %(names)s.") if known else _("Unknown. Send no fields.")
                words = form % {"names": ", ".join(known)}
                raise exceptions.ValidationError({name: [words] for name in unknown})
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def locked(self, request: Request, *, required: bool) -> M:
        """The row, locked, at the version that the caller read."""
        row = self.find()
        version = getattr(row, "version", None)
        header = request.headers.get("If-Match")
        if version is None or (header is None and not required):
            return row
        if header is None:
            raise PreconditionRequired
        now = type(row)._default_manager.select_for_update(of=("self",), no_key=True).filter(pk=row.pk)
        version = now.values_list("version", flat=True).first()
        if version is None or not matches(header, version):
            raise PreconditionFailed
        if self.shows_sets and "." in header:
            row = self.find()
            if not is_known(header, self.show(row)["ETag"]):
                raise PreconditionFailed
        return row


class Creatable(Noun[M]):
    def add(self, user: User, fields: dict[str, Any]) -> M:
        """The one call."""
        raise NotImplementedError

    def create(self, request: Request, **kwargs: Any) -> Response:
        return self.created(self.add(self.user, self.taken(request)))

    def created(self, row: M) -> Response:
        """The new row; without a body where its maker cannot see it."""
        current = self.get_queryset().filter(pk=row.pk).first()
        response = self.show(current, status.HTTP_201_CREATED) if current else Response(status=status.HTTP_201_CREATED)
        here = self.request.build_absolute_uri(self.request.path)
        response["Location"] = f"{here}/{getattr(row, self.lookup_field)}"
        return response


class Changeable(Noun[M]):
    def alter(self, user: User, row: M, fields: dict[str, Any]) -> Any:
        """The one call."""
        raise NotImplementedError

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        with transaction.atomic():
            row = self.locked(request, required=True)
            self.alter(self.user, row, self.taken(request, row))
            return self.shown_again(row)


class Deletable(Noun[M]):
    def remove(self, user: User, row: M) -> None:
        """The one call."""
        raise NotImplementedError

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        with transaction.atomic():
            self.remove(self.user, self.locked(request, required=False))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Editable(Creatable[M], Changeable[M], Deletable[M]):
    """A noun that can be created, changed and deleted."""


class OfProgramOut(Out[M]):
    """Of what belongs to one program, which is shown by its key (an annotation: no join to a whole program)."""

    program = serializers.CharField(source="program_key", read_only=True)
