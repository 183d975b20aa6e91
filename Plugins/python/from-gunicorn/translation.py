"""Settings of gunicorn and the corresponding keys of outrider.toml(5)."""

import ipaddress
import os

from places import MODELS, NOT_NEEDED, SAME, TLS, TLS_FILES, WITHOUT_PLACE


class Untranslatable(Exception):
    pass


class Translation:
    """The keys by table, and the settings that have none, each with the reason."""

    def __init__(self, settings):
        self.settings = settings
        self.directory = os.path.join(os.getcwd(), settings.get("chdir") or "")
        self.general, self.plugin, self.config, self.listener, self.tls = {}, {}, {}, {}, {}
        self.binds, self.untranslated = [], []
        for name, value in settings.items():
            # None is gunicorn's word for a default.
            if value is not None:
                self._try(name, value)
        self._complete()

    def tables(self):
        """(header, keys), in the order of the file."""
        for table in ("server", "timeouts", "limits", "http", "http2", "proxy", "log"):
            yield f"[{table}]", self.general.get(table, {})
        needs_listener = self.listener or self.tls
        for bind in self.binds or (["127.0.0.1:8000"] if needs_listener else []):
            yield "[[listener]]", {"bind": bind, **self.listener}
            yield "[listener.tls]", self.tls
        yield "[[plugin]]", self.plugin
        yield "[plugin.config]", self.config

    def _try(self, name, value):
        try:
            self._translate(name, value)
        except Untranslatable as error:
            self.untranslated.append((name, str(error)))
        except (TypeError, ValueError):
            self.untranslated.append((name, f"{value!r} is no value that gunicorn takes"))

    def _translate(self, name, value):
        if name in SAME:
            key, convert = SAME[name]
            self._set(key, convert(value))
        elif name in TLS_FILES:
            self.tls[TLS_FILES[name]] = self._path(value)
        elif name in TLS:
            key, convert = TLS[name]
            if (converted := convert(value)) is not None:
                self.tls[key] = converted
        elif name in WITHOUT_PLACE:
            # gunicorn's defaults, which files repeat.
            if value not in (False, "", (), [], {}):
                raise Untranslatable(WITHOUT_PLACE[name])
        elif method := getattr(self, f"_{name}", None):
            method(value)
        elif name not in NOT_NEEDED:
            return  # it is no setting of gunicorn's

    def _set(self, key, value):
        table, name = key.split(".")
        self.general.setdefault(table, {})[name] = value

    def _path(self, path):
        return os.path.normpath(os.path.join(self.directory, path))

    # Settings with rules of their own

    def _bind(self, value):
        names = []
        for text in [value] if isinstance(value, str) else value:
            bind = self._address(text)
            (self.binds if self._is_address(bind) else names).append(bind)
        if names:
            raise Untranslatable(f"names are not looked up: give the address of {', '.join(names)}")

    @staticmethod
    def _is_address(bind):
        if bind.startswith(("unix:", "fd:", "localhost:")):
            return True
        try:
            ipaddress.ip_address(bind.rpartition(":")[0].strip("[]"))
        except ValueError:
            return False
        return True

    def _address(self, text):
        if text.startswith("unix:"):
            return "unix:" + self._path(text.removeprefix("unix:").removeprefix("//"))
        if text.startswith("fd://"):
            return "fd:" + text.removeprefix("fd://")
        text = text.removeprefix("tcp://")
        host, _, port = text.rpartition(":") if not text.endswith("]") and ":" in text else (text, "", "8000")
        return f"{host or '0.0.0.0'}:{port}"

    def _worker_class(self, value):
        name = value if isinstance(value, str) else getattr(value, "__name__", str(value))
        if name not in MODELS:
            raise Untranslatable(
                f"{name} has no counterpart: the model is gthread, whose threads wait for handlers; see server.threads"
            )
        self._set("server.worker_model", MODELS[name])

    def _limit_request_line(self, value):
        self._limit("limits.request_line", value)

    def _limit_request_field_size(self, value):
        self._limit("limits.field_size", value)

    def _limit(self, key, value):
        if int(value) == 0:
            raise Untranslatable(f"there is always a limit: {key}")
        self._set(key, max(256, int(value)))

    def _wsgi_app(self, value):
        self.plugin["python"] = str(value)

    def _preload_app(self, value):
        self.config["preload"] = bool(value)

    def _chdir(self, value):
        # With preload_app it is a folder of modules: see _complete.
        self.config["chdir"] = os.path.normpath(self.directory)

    def _pythonpath(self, value):
        self.config["path"] = [self._path(one) for one in value.split(",") if one]

    def _raw_env(self, value):
        pairs = [value] if isinstance(value, str) else value
        self.config["env"] = dict(pair.split("=", 1) for pair in pairs)

    def _pidfile(self, value):
        self._set("server.pidfile", self._path(value))

    def _accesslog(self, value):
        self._set("log.access", "stdout" if value == "-" else self._path(value))

    def _errorlog(self, value):
        self._set("log.error", "stderr" if value == "-" else self._path(value))

    def _forwarded_allow_ips(self, value):
        self._trust(value)

    def _proxy_allow_ips(self, value):
        self._trust(value)

    def _trust(self, value):
        peers = value.split(",") if isinstance(value, str) else list(value)
        peers = [peer.strip() for peer in peers if peer.strip()]
        if "*" in peers:
            peers = ["0.0.0.0/0", "::/0", "unix"]
        known = self.general.setdefault("proxy", {}).setdefault("trusted", [])
        known += [peer for peer in peers if peer not in known]

    def _proxy_protocol(self, value):
        versions = {"true": "v1", "auto": "any", "v1": "v1", "v2": "v2"}
        text = str(value).lower()
        if text not in ("false", "off"):
            self.listener["proxy_protocol"] = versions[text] if text in versions else "any"

    def _header_map(self, value):
        self._set("http.underscore_fields", {"drop": "drop", "refuse": "refuse", "dangerous": "pass"}[value])

    def _secure_scheme_headers(self, value):
        usual = {"X-FORWARDED-PROTOCOL": "ssl", "X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on"}
        if not set(value.items()) <= set(usual.items()):
            raise Untranslatable("the scheme is that of X-Forwarded-Proto or Forwarded: see proxy.fields")

    def _protocol(self, value):
        if value != "http":
            raise Untranslatable("the uwsgi protocol is not spoken: let the proxy speak HTTP")

    def _http_protocols(self, value):
        known = {"h1": "http/1.1", "h2": "h2"}
        names = [name.strip() for name in value.split(",")] if isinstance(value, str) else list(value)
        self.listener["protocols"] = [known[name] for name in names if name in known]
        if others := [name for name in names if name not in known]:
            raise Untranslatable(f"{', '.join(others)} is not spoken")

    def _http2_cleartext(self, value):
        if value in ("prior-knowledge", "both"):
            self.listener["h2c"] = True
        if value in ("upgrade", "both"):
            raise Untranslatable("HTTP/2 in cleartext is spoken with prior knowledge alone: listener.h2c")

    def _root_path(self, value):
        if value.strip("/"):
            self.plugin["mount"] = "/" + value.strip("/")
            raise Untranslatable("it is the mount: the proxy has to leave it in the path of requests")

    def _asgi_lifespan(self, value):
        self.config["lifespan"] = value

    def _asgi_loop(self, value):
        if value != "auto":
            self.config["loop"] = value

    def _sendfile(self, value):
        if not value:
            raise Untranslatable("files are sent by sendfile(2) where that can be")

    # Keys that depend on several settings

    def _complete(self):
        server = self.general.setdefault("server", {})
        if "worker_model" not in server:
            known = self.settings.get("worker_class") is None
            server["worker_model"] = "gthread" if int(self.settings.get("threads") or 1) > 1 or not known else "sync"
        elif server["worker_model"] == "sync" and int(self.settings.get("threads") or 1) > 1:
            server["worker_model"] = "gthread"  # as gunicorn does
        server.setdefault("threads", 1 if server["worker_model"] != "async" else 4)
        if "workers" not in server and os.environ.get("WEB_CONCURRENCY"):
            server["workers"] = int(os.environ["WEB_CONCURRENCY"])
        if not self.binds and os.environ.get("PORT"):
            self.binds = [f"0.0.0.0:{os.environ['PORT']}"]
        if self.config.get("preload") and "chdir" in self.config:
            self.config["path"] = [*self.config.get("path", []), self.config.pop("chdir")]
            self.untranslated.append(
                ("chdir", "with preload_app it is in path: start the server in that directory if the application needs it")
            )
        if "python" not in self.plugin:
            self.untranslated.append(
                ("wsgi_app", 'gunicorn has the application on its command line: add python = "module:app" to [[plugin]]')
            )
        if bool(self.tls.get("certificate")) != bool(self.tls.get("key")):
            self.untranslated.append(("certfile, keyfile", "TLS needs both"))
