from django.http import HttpRequest, HttpResponse
from django.urls import path


def index(_: HttpRequest) -> HttpResponse:
    return HttpResponse("hello from django\n")


urlpatterns = [path("", index), path("healthz", index)]
