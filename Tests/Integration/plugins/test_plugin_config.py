"""[plugin.config] as its plugin sees it, and plugins on mounts of their own."""

import pytest

from server import TEST_PLUGINS, free_port

PLUGIN = TEST_PLUGINS / "libconfigured.so"

CONFIGURED = """
[[listener]]
bind = "127.0.0.1:{port}"
[[plugin]]
name = "first"
path = "{plugin}"
[plugin.config]
text = "grüße \\"you\\""
number = 7
flag = true
table = {{ inner = "within" }}
[[plugin]]
name = "second"
path = "{plugin}"
mount = "/app"
"""


@pytest.fixture
def configured(own, tmp_path, model):
    port = free_port()
    file = tmp_path / "outrider.toml"
    file.write_text(CONFIGURED.format(port=port, plugin=PLUGIN))
    return own("-c", file, "-k", model, bind=False, port=port)


def seen(server, target):
    return dict(line.split("=", 1) for line in server.get(target).body.decode().splitlines())


def test_each_entry_has_its_own(configured):
    first, second = seen(configured, "/apple"), seen(configured, "/app/x%20y")
    assert first["json"] == '{"flag":true,"number":7,"table":{"inner":"within"},"text":"grüße \\"you\\""}'
    assert (first["text"], first["deep"]) == ('grüße "you"', "within")
    assert (first["missing"], first["nothing"], first["flag"]) == ("fallback", "1", "1")
    assert first["number"] == "7" and first["mistyped"] == "42"
    assert (first["path"], first["mount"]) == ("/apple", "")
    assert (second["json"], second["text"], second["number"]) == ("{}", "none", "-1")
    assert (second["path"], second["mount"]) == ("/x y", "/app")
    assert seen(configured, "/app")["path"] == "/", "nothing is left below the mount"
    assert "config key text is not an integer" in configured.log
