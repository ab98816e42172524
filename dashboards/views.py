"""Pages that show many nouns side by side."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def portfolio(request: HttpRequest) -> HttpResponse:
    return render(request, "base.html", {"title": "Portfolio"})


def program(request: HttpRequest, key: str) -> HttpResponse:
    return render(request, "base.html", {"title": key})


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("{}")
