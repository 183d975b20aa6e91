"""One small application in each framework, as their documentation has them."""

import io

import django
from django.conf import settings
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from flask import Flask, Response, request, send_file, session, stream_with_context

# ---- Flask

flask_app = Flask(__name__)
flask_app.secret_key = "a secret of the tests"


@flask_app.get("/")
def flask_hello():
    return "Hello"


@flask_app.post("/form")
def flask_form():
    upload = request.files["upload"]
    return {"name": request.form["name"], "file": upload.filename, "size": len(upload.read())}


@flask_app.post("/json")
def flask_json():
    return {"got": request.get_json()}


@flask_app.get("/count")
def flask_count():
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


@flask_app.get("/stream")
def flask_stream():
    return Response(stream_with_context(f"{i}\n" for i in range(1000)), mimetype="text/plain")


@flask_app.get("/file")
def flask_file():
    return send_file(io.BytesIO(b"x" * 100000), mimetype="application/octet-stream", download_name="x.bin")


@flask_app.get("/this-file")
def flask_this_file():
    return send_file(__file__, conditional=True)


@flask_app.get("/fails")
def flask_fails():
    raise ValueError("a view of Flask fails")


@flask_app.get("/url")
def flask_url():
    return request.url


# ---- Django

settings.configure(
    DEBUG=False, SECRET_KEY="a secret of the tests", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies", INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware"],
)
django.setup()


def django_hello(request):
    return HttpResponse("Hello")


def django_form(request):
    upload = request.FILES["upload"]
    return JsonResponse({"name": request.POST["name"], "file": upload.name, "size": len(upload.read())})


def django_json(request):
    import json

    return JsonResponse({"got": json.loads(request.body)})


def django_count(request):
    request.session["count"] = request.session.get("count", 0) + 1
    return HttpResponse(str(request.session["count"]))


def django_stream(request):
    return StreamingHttpResponse((f"{i}\n" for i in range(1000)), content_type="text/plain")


async def numbers():
    for i in range(1000):
        yield f"{i}\n"


async def django_stream_async(request):
    return StreamingHttpResponse(numbers(), content_type="text/plain")


def django_file(request):
    return FileResponse(open(__file__, "rb"))


def django_fails(request):
    raise ValueError("a view of Django fails")


def django_url(request):
    return HttpResponse(request.build_absolute_uri())


def routes(stream):
    return [
        path("", django_hello), path("form", django_form), path("json", django_json), path("count", django_count),
        path("stream", stream), path("this-file", django_file), path("fails", django_fails), path("url", django_url),
    ]


urlpatterns = routes(django_stream)


def django_wsgi():
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def django_asgi():
    global urlpatterns
    from django.core.asgi import get_asgi_application

    urlpatterns = routes(django_stream_async)
    return get_asgi_application()
