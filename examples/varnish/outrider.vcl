# /etc/varnish/default.vcl. Varnish takes a 103 for the final response: leave Outrider's [early_hints] http1 at its default,
# "auto".
vcl 4.1;

backend outrider {
    .host = "127.0.0.1";
    .port = "8000";
}

sub vcl_recv {
    set req.http.X-Forwarded-For = client.ip;
    set req.http.X-Forwarded-Proto = "http";
    # Cache nothing: Outrider generates each response for its request. Exclude requests that may be cached here.
    return (pass);
}
