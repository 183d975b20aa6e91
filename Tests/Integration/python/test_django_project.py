"""A project as Django's startproject makes it, deployed as its documentation says: the admin, sessions in a database,
static files by WhiteNoise, uploads, and responses that stream. The same assertions for gunicorn and uvicorn."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from built_once import once, session_folder
from matrix import MODELS
from python_applications import APPLICATIONS, needs_packages

pytestmark = needs_packages
SERVERS = [*(("wsgi", kind) for kind in (*MODELS, "gunicorn")), *(("asgi", kind) for kind in ("async", "guest", "uvicorn"))]
SETTINGS = {"DJANGO_SETTINGS_MODULE": "project.deployment"}
USER = {"username": "jos\u00e9", "password": "a password of the tests"}


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """The folder of the project: with its tables, a user, and the static files of the admin. A copy, since tests write."""

    def make(folder):
        def manage(*command, **variables):
            env = os.environ | SETTINGS | {f"DJANGO_SUPERUSER_{name.upper()}": value for name, value in variables.items()}
            ended = subprocess.run([sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True)
            assert ended.returncode == 0, ended.stderr

        manage("-m", "django", "startproject", "project", ".", "--settings", "django.conf.global_settings")
        shutil.copytree(APPLICATIONS / "django_project", folder / "project", dirs_exist_ok=True)
        manage("manage.py", "migrate")
        manage("manage.py", "collectstatic", "--noinput")
        manage("manage.py", "createsuperuser", "--noinput", email="jose@example.org", **USER)

    made = once(session_folder(tmp_path_factory) / "django", make)
    return shutil.copytree(made, tmp_path_factory.mktemp("django") / "copy")


@pytest.fixture(scope="module", params=SERVERS, ids="-".join)
def deployed(request, behind, project):
    """The project behind one of the servers."""
    interface, kind = request.param
    config = {"mode": "guest"} if kind == "guest" else {}
    app = f"project.{interface}:application"
    with behind("async" if kind == "guest" else kind, app, project, SETTINGS, **config) as found:
        yield found


@pytest.fixture
def browser(deployed):
    """A client of its own, with the cookies of nobody."""
    with httpx.Client(base_url=deployed.client.base_url, timeout=60, verify=False) as client:
        yield client


def post(client, page, data, **options):
    """As a browser does: with the hidden field of the form that the page has."""
    form = client.get(page)
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
    return client.post(page, data=data | {"csrfmiddlewaretoken": token[1]}, **options)


def log_in(client):
    answer = post(client, "/admin/login/?next=/who", USER)
    assert (answer.status_code, answer.headers["location"]) == (302, "/who")
    return answer


def test_admin(browser, deployed):
    answer = browser.get("/admin/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/admin/login/?next=/admin/")
    assert "errornote" in post(browser, "/admin/login/", USER | {"password": "wrong"}).text
    cookies = log_in(browser).headers.get_list("set-cookie")
    assert [cookie.split("=")[0] for cookie in cookies] == ["csrftoken", "sessionid"] and "HttpOnly" in cookies[1]
    assert "Site administration" in browser.get("/admin/").text

    added = {"username": f"\u00fc{deployed.port}", "usable_password": "true"}
    added |= {"password1": "x1y2z3w4!", "password2": "x1y2z3w4!"}
    answer = post(browser, "/admin/auth/user/add/", added)
    assert answer.status_code == 302, answer.text
    page = browser.get(answer.headers["location"])
    assert "was added successfully" in page.text and added["username"] in page.text  # a message: once
    page = browser.get("/admin/auth/user/", params={"q": added["username"]})
    assert "1 result" in page.text and "was added successfully" not in page.text
    page = browser.get("/admin/auth/user/", params={"q": "nobody"})
    assert "0 results" in page.text

    assert post_with_cookie(browser, "/admin/logout/").status_code == 200
    assert browser.get("/admin/").status_code == 302


def post_with_cookie(client, page, **options):
    """As a script in a page does: with the token of the cookie in a field of the head."""
    return client.post(page, headers={"x-csrftoken": client.cookies["csrftoken"]}, **options)


def test_forms_of_others_are_refused(browser, deployed):
    log_in(browser)
    assert browser.post("/admin/logout/").status_code == 403
    assert browser.post("/upload", files={"upload": ("a", b"x" * 3_000_000)}).status_code == 403
    head = {"x-csrftoken": browser.cookies["csrftoken"], "origin": "http://other.example"}
    assert browser.post("/admin/logout/", headers=head).status_code == 403
    assert browser.get("/", headers={"host": "other.example"}).status_code == 400
    assert browser.get("/who").json()["user"] == USER["username"]
    head["origin"] = f"http://127.0.0.1:{deployed.port}"
    assert browser.post("/admin/logout/", headers=head).status_code == 200


def test_sessions(browser, deployed):
    assert [browser.get("/who").json() for _ in range(3)] == [{"user": "", "visits": n} for n in (1, 2, 3)]
    assert deployed.client.get("/who", headers={"cookie": ""}).json()["visits"] == 1
    before = browser.cookies["sessionid"]
    log_in(browser)
    assert browser.cookies["sessionid"] != before
    assert browser.get("/who").json() == {"user": USER["username"], "visits": 4}
    assert httpx.get(f"{browser.base_url}/who", cookies={"sessionid": before}, verify=False).json() == {"user": "", "visits": 1}


def test_static_files(browser, project):
    page = browser.get("/admin/login/").text
    href = re.search(r'href="/(static/admin/css/base\.[0-9a-f]+\.css)"', page)[1]
    file = project / href
    answer = browser.get(href, headers={"accept-encoding": "gzip"})
    assert (answer.status_code, answer.content) == (200, file.read_bytes())
    assert answer.headers["content-length"] == str(Path(f"{file}.gz").stat().st_size)
    expected = {
        "content-type": 'text/css; charset="utf-8"', "content-encoding": "gzip", "vary": "Accept-Encoding",
        "cache-control": "max-age=315360000, public, immutable",
    }
    assert {name: answer.headers[name] for name in expected} == expected

    plain = {"accept-encoding": "identity"}
    answer = browser.get(href, headers=plain)
    assert (answer.content, "content-encoding" in answer.headers) == (file.read_bytes(), False)
    answer = browser.head(href, headers=plain)
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(file.stat().st_size))
    answer = browser.get(href, headers=plain | {"range": "bytes=5-104"})
    assert (answer.status_code, answer.content) == (206, file.read_bytes()[5:105])
    assert answer.headers["content-range"] == f"bytes 5-104/{file.stat().st_size}"
    answer = browser.get(href, headers={"if-modified-since": answer.headers["last-modified"]})
    assert (answer.status_code, answer.content) == (304, b"")
    assert browser.get("/static/admin/css/none.css").status_code == 404
    assert browser.get("/static/../manage.py").status_code == 404


def test_uploads(browser):
    answer = browser.get("/upload")
    assert (answer.status_code, answer.headers["location"]) == (302, "/admin/login/?next=/upload")
    log_in(browser)
    names = set()
    for size in (5, 3_000_000, 3_000_000):
        kind = "InMemoryUploadedFile" if size == 5 else "TemporaryUploadedFile"
        content = os.urandom(size)
        answer = post_with_cookie(browser, "/upload", data={"title": "\u00e9"}, files={"upload": ("a.bin", content)})
        found = answer.json()
        assert (found["title"], found["kind"]) == ("\u00e9", kind)
        names.add(found["name"])
        answer = browser.get(f"/stored/{found['name']}")
        assert answer.content == content
        assert answer.headers["content-disposition"] == f'attachment; filename="{found["name"]}"'
    assert len(names) == 3
    answer = post_with_cookie(browser, "/upload", data={"title": "x" * 21}, files={"upload": ("a.bin", b"")})
    assert (answer.status_code, sorted(answer.json())) == (400, ["title", "upload"])


def test_streams(browser, deployed, project):
    """The client has the first row while the view waits for it to say so."""
    name = f"first-row-{deployed.port}"
    (project / name).unlink(missing_ok=True)
    with browser.stream("GET", f"/table/{name}") as answer:
        assert answer.headers["content-type"] == "text/csv" and "content-length" not in answer.headers
        lines = answer.iter_lines()
        assert next(lines) == "row,0"
        (project / name).touch()
        assert list(lines) == ["went on,2000", *(f"row,{number}" for number in range(1, 2000))]
