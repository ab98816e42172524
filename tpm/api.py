"""What all API endpoints share: who may ask, how often, errors, entity tags, paging, and the OpenAPI document."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import redis
from csp.decorators import csp_update
from django.conf import settings
from django.core import signing
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig, ValidationError
from django.db import OperationalError
from django.db.models import F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from django.views.defaults import bad_request, server_error
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework import exceptions, status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import BasePagination
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from rest_framework.views import exception_handler as drf_answer

from people.models import AccessToken
from tpm.broker import pool
from tpm.collisions import is_collision

SAFE = ("GET", "HEAD", "OPTIONS")
MOST_BYTES = 1024 * 1024
PREFIX = "/api/v1"
PROBLEM = "application/problem+json"


# -- who may ask, and how often --------------------------------------------------------------------------------------


class SignedInWithScope(BasePermission):
    """Nobody anonymous; a token needs ``read`` to read and ``write`` to write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        scope = AccessToken.Scope.READ if request.method in SAFE else AccessToken.Scope.WRITE
        if isinstance(request.auth, AccessToken) and not request.auth.allows(scope):
            raise exceptions.PermissionDenied(
                _("This token lacks the scope “%(scope)s”. Make one that has it.") % {"scope": scope}
            )
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
            with pool().pipeline(transaction=False) as pipe:
                pipe.incr(name)
                pipe.expire(name, self.window_s)
                count = pipe.execute()[0]
        except redis.RedisError:
            return True
        self.left_s = float(self.window_s - gone_s)
        return bool(count <= settings.API_REQUESTS_PER_MINUTE)

    def wait(self) -> float | None:
        return self.left_s


# -- what comes in and goes out --------------------------------------------------------------------------------------


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = format_lazy(lazy("A request has at most {count} KiB."), count=MOST_BYTES // 1024)


class BoundedJSON(JSONParser):
    """JSON of a size and depth that a person could have meant."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        length = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or "0"
        if int(length) > MOST_BYTES:
            raise TooLarge
        try:
            parsed = super().parse(stream, media_type, parser_context)
            # An escape may spell half a character ("\\ud800"), which neither the database nor an answer can hold.
            json.dumps(parsed, ensure_ascii=False).encode()
        except RecursionError as refusal:
            raise exceptions.ParseError(_("JSON parse error - nested too deeply.")) from refusal
        except UnicodeEncodeError as refusal:
            raise exceptions.ParseError(_("JSON parse error - half of a surrogate pair is no text.")) from refusal
        return parsed


class AlwaysJSON(BaseContentNegotiation):
    """One form of answer, whatever Accept says: a browser that looks at an endpoint sees it too."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if kind == parser.media_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


# -- errors ----------------------------------------------------------------------------------------------------------


class PreconditionFailed(exceptions.APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = lazy("Somebody changed this since you read it. Read it again, then repeat your change.")


class PreconditionRequired(exceptions.APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = lazy("Send If-Match with the ETag that you read, so that nobody's change is lost.")


class Collided(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = lazy(
        "Somebody changed the same at the same moment, and nothing of yours was written. Send it again."
    )


class QueryRefused(exceptions.APIException):
    """Query parameters that cannot be taken, each with the reason."""

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(reasons.values())))
        self.reasons = reasons


def _pointers(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """Errors of a nested detail, each with the JSON pointer (RFC 6901) of its field; the whole body is ""."""
    if isinstance(detail, dict):
        nested = [
            _pointers(value, pointer if name in (NON_FIELD_ERRORS, "non_field_errors") else _below(pointer, name))
            for name, value in detail.items()
        ]
        return [error for errors in nested for error in errors]
    if isinstance(detail, list | tuple):
        nested = [
            _pointers(value, f"{pointer}/{place}" if isinstance(value, dict) else pointer)
            for place, value in enumerate(detail)
        ]
        return [error for errors in nested for error in errors]
    return [{"pointer": pointer, "detail": str(detail)}]


def _below(pointer: str, name: Any) -> str:
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def problem(refusal: Exception, context: dict[str, Any]) -> Response | None:
    """Any refusal as ``application/problem+json`` (RFC 9457)."""
    errors: list[dict[str, str]] = []
    if isinstance(refusal, RequestDataTooBig):
        refusal = TooLarge()
    if isinstance(refusal, OperationalError) and is_collision(refusal):
        refusal = Collided()
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
        elif isinstance(refusal, QueryRefused):
            errors = [{"parameter": name, "detail": reason} for name, reason in refusal.reasons.items()]
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
    response.data = _said(response.status_code, detail_text) | ({"errors": errors} if errors else {})
    response.content_type = PROBLEM
    return response


def _said(code: int, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": str(TITLES.get(code) or _("Refused")), "status": code, "detail": detail}


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What no view is asked, such as another host's name, as a problem below /api/v1 and as a page elsewhere."""
    if not request.path.startswith(PREFIX):
        return bad_request(request, exception)
    return JsonResponse(_said(400, _("This request cannot be read.")), status=400, content_type=PROBLEM)


def crashed(request: HttpRequest) -> HttpResponse:
    """A fault of ours as a problem below /api/v1 and as a page elsewhere; what broke stands in the log alone."""
    if not request.path.startswith(PREFIX):
        return server_error(request)
    detail = _("Something broke on our side. Your change may not have been saved; read before you send it again.")
    return JsonResponse(_said(500, detail), status=500, content_type=PROBLEM)


TITLES = {
    400: lazy("The request cannot be read"),
    401: lazy("Sign in first"),
    403: lazy("Not allowed"),
    404: lazy("Not found"),
    405: lazy("Not possible here"),
    409: lazy("Two changes at once"),
    412: lazy("Changed in the meantime"),
    413: lazy("Too large"),
    415: lazy("Send JSON"),
    422: lazy("Some values cannot be taken"),
    428: lazy("If-Match is missing"),
    429: lazy("Too many requests"),
    500: lazy("A fault of ours"),
}


class Endpoint(APIView):
    """Base of all endpoints."""

    permission_classes = [SignedInWithScope]
    throttle_classes = [PerMinute]
    parser_classes = [BoundedJSON]
    content_negotiation_class = AlwaysJSON
    metadata_class = None

    def get_exception_handler(self) -> Any:
        return problem

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return super().finalize_response(request, response, *args, **kwargs)


class Nothing(Endpoint):
    """Any address below /api/v1 that is not there."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404


# -- entity tags -----------------------------------------------------------------------------------------------------


def etag(version: int | None, shown: Any) -> str:
    """The tag of an answer: the row's version, then a check sum of all that is shown."""
    digest = f"{zlib.crc32(repr(shown).encode()):08x}"
    return f'"v{version}.{digest}"' if version else f'"{digest}"'


def matches(header: str, version: int) -> bool:
    """Whether an If-Match header names a version of the row, whatever else was shown with it.

    >>> matches('W/"v7.0badcafe"', 7), matches('"v6"', 7), matches("*", 7)
    (True, False, True)
    """
    return header.strip() == "*" or f"v{version}" in re.findall(r'"(v\d+)(?:\.[0-9a-f]+)?"', header)


def is_known(header: str, tag: str) -> bool:
    """Whether an If-None-Match header names a tag; the weak form that gzip makes of it counts."""
    return header.strip() == "*" or tag in re.findall(r'"[^"]*"', header)


# -- paging ----------------------------------------------------------------------------------------------------------


def link_header(following: str | None, previous: str | None) -> dict[str, str] | None:
    links = [f'<{url}>; rel="{rel}"' for rel, url in (("next", following), ("prev", previous)) if url]
    return {"Link": ", ".join(links)} if links else None


class CursorPages(BasePagination):
    """Pages by position: ``{data, next, previous}`` and a Link header.

    Ordered by (is null, value, id), so that rows without a value come last and none is lost or shown twice while
    others are added. A cursor belongs to its sort and filters, and is signed: its values reach the database.
    """

    default_limit = 50
    max_limit = 100
    parameters = frozenset({"cursor", "limit", "sort"})
    signer = signing.Signer(salt="tpm.api.cursor")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        sort = request.query_params.get("sort", view.default_sort)
        name, descending = sort.removeprefix("-"), sort.startswith("-")
        if name not in view.sorts:
            choices = ", ".join(sorted(view.sorts))
            raise QueryRefused(
                {"sort": _("Sort by one of %(choices)s; a leading - turns it around.") % {"choices": choices}}
            )
        self.request, self.limit = request, self._limit(request)
        kept = sorted((k, v) for k, v in request.query_params.lists() if k not in ("cursor", "limit"))
        self.belongs = hashlib.sha256(json.dumps([view.basename, kept]).encode()).hexdigest()[:12]
        queryset = queryset.annotate(sort_value=F(view.sorts[name]))
        backwards, after = self._after(queryset, request.query_params.get("cursor"), descending)
        value = F("sort_value").desc if descending != backwards else F("sort_value").asc
        if getattr(queryset.query.annotations["sort_value"].output_field, "null", True):
            # Nulls are last; read backwards they come first.
            order = value(nulls_first=True) if backwards else value(nulls_last=True)
        else:
            order = value()
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
        if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= self.max_limit:
            raise QueryRefused({"limit": _("A whole number from 1 to %(most)s.") % {"most": self.max_limit}})
        return int(text)

    def _after(self, queryset: QuerySet[Any], cursor: str | None, descending: bool) -> tuple[bool, Q]:
        if not cursor:
            return False, Q()
        try:
            belongs, backwards, value, pk = self.signer.unsign_object(cursor)
        except signing.BadSignature as refusal:
            raise QueryRefused({"cursor": _("This cursor was not made here. Begin without one.")}) from refusal
        if belongs != self.belongs:
            raise QueryRefused({"cursor": _("This cursor is of another sort or filter. Begin without one.")})
        if value is not None:
            value = queryset.query.annotations["sort_value"].output_field.to_python(value)
        further = Q(pk__lt=pk) if backwards else Q(pk__gt=pk)
        if value is None:
            after = Q(sort_value=None) & further
            return bool(backwards), (Q(sort_value__isnull=False) | after if backwards else after)
        beyond = Q(sort_value__lt=value) if descending != bool(backwards) else Q(sort_value__gt=value)
        after = beyond | (Q(sort_value=value) & further)
        return bool(backwards), (after if backwards else after | Q(sort_value=None))

    def _url(self, row: Any, backwards: bool) -> str:
        value = row.sort_value
        if value is not None and not isinstance(value, int | str):
            # To the microsecond: rounding would lose or repeat rows.
            value = value.isoformat() if hasattr(value, "isoformat") else str(value)
        query = self.request.query_params.copy()
        query["cursor"] = self.signer.sign_object([self.belongs, backwards, value, row.pk])
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")

    def get_paginated_response(self, data: Any) -> Response:
        shown = {"data": data, "next": self.next, "previous": self.previous}
        return Response(shown, headers=link_header(self.next, self.previous))

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


# -- the OpenAPI document --------------------------------------------------------------------------------------------


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "people.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A personal access token, made in Settings."}


class PageScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "people.authentication.PageSession"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        text = "A signed-in page; writes also send the CSRF token as X-CSRFToken."
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME, "description": text}


def add_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Say in the document that any refusal is a problem (RFC 9457)."""
    error = {
        "type": "object",
        "required": ["detail"],
        "properties": {
            "pointer": {"type": "string", "description": "JSON pointer of a field of the body."},
            "parameter": {"type": "string", "description": "Name of a query parameter."},
            "detail": {"type": "string"},
        },
    }
    result["components"]["schemas"]["Problem"] = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": error},
        },
    }
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["default"] = {"description": "Refused, and why.", "content": content}
    return result


@extend_schema(exclude=True)
class Document(Endpoint, SpectacularJSONAPIView):
    """The OpenAPI 3.1 document; the same for every reader."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(_document(), headers={"Cache-Control": "private, max-age=300"})


@cache
def _document() -> dict[str, Any]:
    generator = Document.generator_class(api_version="1")
    return dict(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


@require_safe
@ensure_csrf_cookie
@csp_update({"img-src": ["data:"]})  # the arrows and the lock in Swagger UI's style sheet
def docs(request: HttpRequest) -> HttpResponse:
    """The document as a page, to read and to try."""
    return render(request, "api_docs.html")
