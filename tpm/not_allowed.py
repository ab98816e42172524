"""What is asked of an address in a way that it does not know: the answer is a page, as for all that is refused."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render


class NotAllowedMiddleware:
    """Gives the bare answer of a view a page to read; endpoints of the API answer in their own way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if not isinstance(answer, HttpResponseNotAllowed):
            return answer
        takes = [method.strip() for method in answer.headers["Allow"].split(",")]
        page = render(request, "405.html", {"takes": takes}, status=405)
        page.headers["Allow"] = answer.headers["Allow"]
        return page
