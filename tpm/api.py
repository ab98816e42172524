"""What all API endpoints share: who may ask, errors, paging, entity tags, the rate limit, and the shape of a noun."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

import redis
from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import F, Q, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, serializers, status
from rest_framework.pagination import BasePagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from rest_framework.views import exception_handler as drf_answer
from rest_framework.viewsets import GenericViewSet

from people.models import AccessToken, User

M = TypeVar("M", bound=models.Model)
SAFE = ("GET", "HEAD", "OPTIONS")


class SignedInWithScope(BasePermission):
    """Nobody anonymous; a token needs ``read`` to read and ``write`` to write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        scope = AccessToken.Scope.READ if request.method in SAFE else AccessToken.Scope.WRITE
        if isinstance(request.auth, AccessToken) and not request.auth.allows(scope):
            raise exceptions.PermissionDenied(f"This token lacks the scope “{scope}”. Make one that has it.")
        return True


class PerMinute(BaseThrottle):
    """So many requests a minute for a person, counted in Redis; without Redis nobody is kept out."""

    window_s = 60

    def __init__(self) -> None:
        self.left_s: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return True
        minute, gone_s = divmod(int(timezone.now().timestamp()), self.window_s)
        name = f"tpm:rate:{request.user.pk}:{minute}"
        try:
            with broker().pipeline(transaction=False) as pipe:
                count, _set = pipe.incr(name).expire(name, self.window_s).execute()
        except redis.RedisError:
            return True
        self.left_s = float(self.window_s - gone_s)
        return bool(count <= settings.API_REQUESTS_PER_MINUTE)

    def wait(self) -> float | None:
        return self.left_s


_broker: redis.Redis | None = None


def broker() -> redis.Redis:
    """The connection pool of this process to Redis; it connects on first use and gives up within a second."""
    global _broker
    if _broker is None:
        url = settings.REDIS_URL.replace("redis+socket://", "unix://")
        _broker = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    return _broker


# -- errors ----------------------------------------------------------------------------------------------------------


class PreconditionFailed(exceptions.APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "Somebody changed this since you read it. Read it again, then repeat your change."


class PreconditionRequired(exceptions.APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Send If-Match with the ETag that you read, so that nobody's change is lost."


def _pointers(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """Errors of a nested detail, each with the JSON pointer (RFC 6901) of its field."""
    if isinstance(detail, dict):
        nested = [
            _pointers(value, pointer if name in (NON_FIELD_ERRORS, "non_field_errors") else f"{pointer}/{name}")
            for name, value in detail.items()
        ]
        return [error for errors in nested for error in errors]
    if isinstance(detail, list | tuple):
        nested = [
            _pointers(value, f"{pointer}/{place}" if isinstance(value, dict) else pointer)
            for place, value in enumerate(detail)
        ]
        return [error for errors in nested for error in errors]
    return [{"pointer": pointer or "/", "detail": str(detail)}]


def problem(refusal: Exception, context: dict[str, Any]) -> Response | None:
    """Any refusal as ``application/problem+json`` (RFC 9457)."""
    errors: list[dict[str, str]] = []
    if isinstance(refusal, ValidationError):
        detail = refusal.message_dict if hasattr(refusal, "error_dict") else {NON_FIELD_ERRORS: refusal.messages}
        errors = _pointers(detail)
        response = Response(status=status.HTTP_422_UNPROCESSABLE_ENTITY)
    elif isinstance(refusal, PermissionDenied | Http404 | exceptions.APIException):
        answered = drf_answer(refusal, context)
        if answered is None:
            return None
        response = answered
        if isinstance(refusal, exceptions.ValidationError):
            errors = _pointers(refusal.detail)
            response.status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    else:
        return None
    if errors:
        detail_text = " ".join(dict.fromkeys(error["detail"] for error in errors))
    elif isinstance(refusal, Http404):
        detail_text = _("There is nothing here, or nothing that you may see.")
    elif isinstance(refusal, PermissionDenied):
        detail_text = str(refusal) or _("You may not do this.")
    else:
        detail_text = str(getattr(refusal, "detail", refusal))
    response.data = {
        "type": "about:blank",
        "title": TITLES.get(response.status_code, "Refused"),
        "status": response.status_code,
        "detail": detail_text,
    } | ({"errors": errors} if errors else {})
    response.content_type = "application/problem+json"
    return response


TITLES = {
    400: "The request cannot be read",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Conflict",
    412: "Changed in the meantime",
    415: "Send JSON",
    422: "Some values cannot be taken",
    428: "If-Match is missing",
    429: "Too many requests",
}


# -- entity tags -----------------------------------------------------------------------------------------------------


def etag(version: int) -> str:
    return f'"v{version}"'


def matches(header: str, tag: str) -> bool:
    """Whether an If-Match or If-None-Match header names a tag; the weak form that gzip makes of it counts."""
    return header.strip() == "*" or tag in re.findall(r'"[^"]*"', header)


# -- paging ----------------------------------------------------------------------------------------------------------


class CursorPages(BasePagination):
    """Pages by position: ``{data, next, previous}`` and a Link header.

    Ordered by (is null, value, id), so that rows without a value come last and none is lost or shown twice while
    others are added. A cursor belongs to its sort and filters.
    """

    default_limit = 50
    max_limit = 100

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:
        sort = request.query_params.get("sort", view.default_sort)
        name, descending = sort.removeprefix("-"), sort.startswith("-")
        if name not in view.sorts:
            choices = ", ".join(sorted(view.sorts))
            raise exceptions.ValidationError({"sort": [f"Sort by one of {choices}; a leading - turns it around."]})
        self.request, self.limit = request, self._limit(request)
        kept = sorted((k, v) for k, v in request.query_params.lists() if k not in ("cursor", "limit"))
        self.belongs = hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:12]
        queryset = queryset.annotate(sort_value=F(view.sorts[name]))
        backwards, after = self._after(queryset, request.query_params.get("cursor"), descending)
        value = F("sort_value").desc if descending != backwards else F("sort_value").asc
        # Nulls are last; read backwards they come first.
        order = value(nulls_first=True) if backwards else value(nulls_last=True)
        found = list(queryset.filter(after).order_by(order, "-pk" if backwards else "pk")[: self.limit + 1])
        more, rows = len(found) > self.limit, found[: self.limit]
        if backwards:
            rows.reverse()
        began = "cursor" in request.query_params
        self.next = self._url(rows[-1], False) if rows and (more or backwards) else None
        self.previous = self._url(rows[0], True) if rows and (more if backwards else began) else None
        return rows

    def _limit(self, request: Request) -> int:
        text = request.query_params.get("limit", str(self.default_limit))
        if not text.isdecimal() or not 1 <= int(text[:6]) <= self.max_limit:
            raise exceptions.ValidationError({"limit": [f"A whole number from 1 to {self.max_limit}."]})
        return int(text)

    def _after(self, queryset: QuerySet[Any], cursor: str | None, descending: bool) -> tuple[bool, Q]:
        if not cursor:
            return False, Q()
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            belongs, backwards, value, pk = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
            field = queryset.query.annotations["sort_value"].output_field
            value, pk = None if value is None else field.to_python(value), int(pk)
        except (ValueError, TypeError, ValidationError) as refusal:
            raise exceptions.ValidationError(
                {"cursor": ["This cursor was not made here. Begin without one."]}
            ) from refusal
        if belongs != self.belongs:
            raise exceptions.ValidationError(
                {"cursor": ["This cursor is of another sort or filter. Begin without one."]}
            )
        further = Q(pk__lt=pk) if backwards else Q(pk__gt=pk)
        if value is None:
            after = Q(sort_value=None) & further
            return bool(backwards), (Q(sort_value__isnull=False) | after if backwards else after)
        beyond = Q(sort_value__lt=value) if descending != bool(backwards) else Q(sort_value__gt=value)
        after = beyond | (Q(sort_value=value) & further)
        return bool(backwards), (after if backwards else after | Q(sort_value=None))

    def _url(self, row: Any, backwards: bool) -> str:
        position = json.dumps([self.belongs, backwards, row.sort_value, row.pk], cls=DjangoJSONEncoder)
        query = self.request.query_params.copy()
        query["cursor"] = base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")

    def get_paginated_response(self, data: Any) -> Response:
        links = [f'<{url}>; rel="{rel}"' for rel, url in (("next", self.next), ("prev", self.previous)) if url]
        headers = {"Link": ", ".join(links)} if links else None
        return Response({"data": data, "next": self.next, "previous": self.previous}, headers=headers)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        url = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["data", "next", "previous"],
            "properties": {"data": schema, "next": url, "previous": url},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        def parameter(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
            return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}

        sorts = sorted({*view.sorts, *(f"-{name}" for name in view.sorts)})
        return [
            parameter("cursor", "From next or previous of another page.", {"type": "string"}),
            parameter("limit", "Rows a page.", {"type": "integer", "minimum": 1, "maximum": self.max_limit}),
            parameter("sort", "A leading - turns it around.", {"type": "string", "enum": sorts}),
        ]


# -- nouns -----------------------------------------------------------------------------------------------------------


class Visible(serializers.PrimaryKeyRelatedField):  # type: ignore[type-arg]
    """A reference by id to a row that the asking person may see; a hidden one is as unknown as a missing one."""

    default_error_messages = {"does_not_exist": "There is no such record."}

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = super().get_queryset()
        return rows.visible_to(self.context["request"].user)  # type: ignore[no-any-return]


class ProgramKey(serializers.SlugRelatedField):  # type: ignore[type-arg]
    """A reference to a program by its key."""

    default_error_messages = {"does_not_exist": "There is no program with this key."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="key", **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = super().get_queryset()
        return rows.visible_to(self.context["request"].user)  # type: ignore[no-any-return]


class NounSchema(AutoSchema):
    """Adds If-Match where a version is asked for."""

    def get_override_parameters(self) -> list[OpenApiParameter]:
        if self.method == "PATCH":
            text = "The ETag of what you read; without it 428, after somebody else's change 412."
            return [OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True, description=text)]
        return []


class Noun(GenericViewSet[Any], Generic[M]):
    """Endpoints of one noun: list, one, create, change, delete. Each finds, permits, makes one call and answers.

    A subclass names its rows, its serializers and its services: ``add``, ``alter`` and ``remove`` make the one call.
    What it does not have, it does not offer (``http_method_names``).
    """

    schema = NounSchema()
    throttle_classes: Sequence[type[BaseThrottle]] = (PerMinute,)
    lookup_value_regex = r"[^/.]+"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    out: ClassVar[type[serializers.BaseSerializer[Any]]]
    new: ClassVar[type[serializers.Serializer[Any]]]
    change: ClassVar[type[serializers.Serializer[Any]]]
    sorts: ClassVar[dict[str, str]] = {"id": "id"}
    default_sort: ClassVar[str] = "id"

    def add(self, user: User, fields: dict[str, Any]) -> M:
        raise exceptions.MethodNotAllowed("POST")

    def alter(self, user: User, row: M, fields: dict[str, Any]) -> M:
        raise exceptions.MethodNotAllowed("PATCH")

    def remove(self, user: User, row: M) -> None:
        raise exceptions.MethodNotAllowed("DELETE")

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = super().get_queryset()
        return rows.visible_to(self.request.user)  # type: ignore[no-any-return]

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return {"create": getattr(self, "new", self.out), "partial_update": getattr(self, "change", self.out)}.get(
            self.action, self.out
        )

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.out(page, many=True, context=self.get_serializer_context()).data)

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        row = self.get_object()
        version = getattr(row, "version", None)
        if version and matches(request.headers.get("If-None-Match", ""), etag(version)):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag(version)})
        return self._answer(row)

    def create(self, request: Request) -> Response:
        fields = self._fields(request)
        row = self.add(self._user(), fields)
        response = self._answer(self.get_queryset().get(pk=row.pk), status.HTTP_201_CREATED)
        response["Location"] = request.build_absolute_uri(f"{request.path.rstrip('/')}/{self._name(row)}")
        return response

    @transaction.atomic
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        row = self._locked(request, required=True)
        fields = self._fields(request, row)
        self.alter(self._user(), row, fields)
        return self._answer(self.get_queryset().get(pk=row.pk))

    @transaction.atomic
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        self.remove(self._user(), self._locked(request, required=False))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _user(self) -> User:
        user = self.request.user
        if not isinstance(user, User):
            raise exceptions.NotAuthenticated
        return user

    def _fields(self, request: Request, row: M | None = None) -> dict[str, Any]:
        given = self.get_serializer(row, data=request.data, partial=row is not None)
        if isinstance(request.data, dict):
            unknown = [name for name in request.data if name not in given.fields or given.fields[name].read_only]
            if unknown:
                known = ", ".join(name for name, field in given.fields.items() if not field.read_only)
                raise exceptions.ValidationError({name: [f"Unknown. Known here: {known}."] for name in unknown})
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def _locked(self, request: Request, *, required: bool) -> M:
        """The row, locked, at the version that the caller read."""
        row: M = self.get_object()
        version = getattr(row, "version", None)
        header = request.headers.get("If-Match")
        if version is None or (header is None and not required):
            return row
        if header is None:
            raise PreconditionRequired
        current = type(row)._default_manager.select_for_update(of=("self",)).get(pk=row.pk)
        if not matches(header, etag(getattr(current, "version"))):  # noqa: B009  # only some nouns have one
            raise PreconditionFailed
        return current

    def _name(self, row: M) -> str:
        return str(getattr(row, self.lookup_field))

    def _answer(self, row: M, code: int = status.HTTP_200_OK) -> Response:
        version = getattr(row, "version", None)
        headers = {"ETag": etag(version)} if version else None
        return Response(self.out(row, context=self.get_serializer_context()).data, status=code, headers=headers)


class ProgramFilter(filters.FilterSet):
    """Base of filters of what belongs to one program: ``?program=KEY``."""

    program = filters.CharFilter(field_name="program__key", lookup_expr="iexact")


DAY_LOOKUPS = ["exact", "gte", "lte", "gt", "lt", "isnull"]
