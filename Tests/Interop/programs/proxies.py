"""All proxies, each once."""

from programs.apache import Apache
from programs.caddy import Caddy
from programs.envoy import Envoy
from programs.h2o import H2o
from programs.haproxy import Haproxy
from programs.hitch import Hitch
from programs.lighttpd import Lighttpd
from programs.nghttpx import Nghttpx
from programs.nginx import CurrentNginx, Nginx
from programs.squid import Squid
from programs.traefik import Traefik
from programs.varnish import Varnish

PROXIES = (
    Nginx, CurrentNginx, Haproxy, Caddy, Nghttpx, Apache, Varnish, H2o, Lighttpd, Squid, Hitch, Envoy, Traefik,
)  # fmt: skip

# What a proxy speaks with Outrider, and its name in the tables.
WAYS = {"http/1": "HTTP/1", "h2c": "HTTP/2"}
