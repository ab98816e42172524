"""Two transactions that stood in each other's way: the database gave one of them up, and it may be sent again."""

from __future__ import annotations

from collections.abc import Callable

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# PostgreSQL: serialization_failure, deadlock_detected, lock_not_available
GIVEN_UP = {"40001", "40P01", "55P03"}


def is_collision(refusal: OperationalError) -> bool:
    return getattr(refusal.__cause__, "pgcode", None) in GIVEN_UP


class CollisionMiddleware:
    """Answers 409 where a page's write was given up; the API says it in its own way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError) and is_collision(exception):
            return render(request, "409.html", status=409)
        return None
