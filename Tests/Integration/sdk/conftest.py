"""Tests of what is built, and the notes application in each language, each worker model and over each protocol."""

import faulthandler

import pytest

import notes as applications
from sdk import built_example, each_language


@pytest.fixture
def takes_long():
    """Builds may take longer than pytest waits before it shows the stacks of a test that seems to hang."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session", params=each_language)
def language(request):
    """Each language whose compiler is installed."""
    return request.param


@pytest.fixture(scope="session")
def plugin(language, tmp_path_factory):
    """The notes application in that language, built by its own Makefile."""
    return built_example(tmp_path_factory, f"notes_{language}") / "build/libnotes.so"


@pytest.fixture(scope="session")
def notes(request, language, plugin, tmp_path_factory):
    """A server of it in the worker model that is the parameter, with two workers, which outlive its tests."""
    notes = applications.Notes(plugin, request.param, tmp_path_factory.mktemp(f"notes-{language}"), *language.flags)
    try:
        workers = notes.server.workers(2)
        yield notes
        assert notes.server.workers(2) == workers, f"a worker ended during the tests; {notes.server.state()}"
        notes.server.stop()
    finally:
        notes.server.kill()


@pytest.fixture(scope="session")
def client(request, notes):
    """A client over the protocol that is the parameter."""
    return notes.client(request.param)
