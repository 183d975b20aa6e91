"""Pages beside the admin: an upload behind a login, and responses that stream."""

import asyncio
import csv
import time

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import path

from .urls import urlpatterns as written_by_startproject


class Upload(forms.Form):
    title = forms.CharField(max_length=20)
    upload = forms.FileField()


@login_required
def upload(request):
    if request.method != "POST":
        return HttpResponse(get_token(request))
    form = Upload(request.POST, request.FILES)
    if not form.is_valid():
        return JsonResponse(form.errors, status=400)
    file = form.cleaned_data["upload"]
    name = default_storage.save(file.name, file)
    return JsonResponse({"title": form.cleaned_data["title"], "name": name, "kind": type(file).__name__})


def stored(request, name):
    return FileResponse(default_storage.open(name), as_attachment=True)


class Echo:
    def write(self, value):
        return value


ROWS = 2000
row = csv.writer(Echo()).writerow


def is_waiting(name, since):
    """Whether the client has not yet made the file with this name, which says that it has the first row."""
    return not (settings.BASE_DIR / name).exists() and time.monotonic() < since + 60


def rows(name):
    yield row(["row", 0])
    since = time.monotonic()
    while is_waiting(name, since):
        time.sleep(0.005)
    yield row(["waited for too long" if is_waiting(name, time.monotonic()) else "went on", ROWS])
    for number in range(1, ROWS):
        yield row(["row", number])


async def rows_async(name):
    yield row(["row", 0])
    since = time.monotonic()
    while is_waiting(name, since):
        await asyncio.sleep(0.005)
    yield row(["waited for too long" if is_waiting(name, time.monotonic()) else "went on", ROWS])
    for number in range(1, ROWS):
        yield row(["row", number])


def table(request, name):
    # What Django asks of views: an asynchronous iterator under ASGI.
    content = rows_async(name) if hasattr(request, "scope") else rows(name)
    return StreamingHttpResponse(content, content_type="text/csv")


async def who(request):
    """An asynchronous view, under both interfaces."""
    user = await request.auser()
    visits = await request.session.aget("visits", 0) + 1
    await request.session.aset("visits", visits)
    return JsonResponse({"user": user.get_username(), "visits": visits})


urlpatterns = [
    *written_by_startproject, path("upload", upload), path("stored/<name>", stored), path("table/<name>", table),
    path("who", who),
]
