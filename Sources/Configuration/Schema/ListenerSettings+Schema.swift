extension ListenerSettings {
  static let schema = Schema<ListenerSettings>(
    room: ListenerSettings(),
    [
      .init(
        "listener.bind", .bindAddress, default: "127.0.0.1:8000", \.bind,
        """
        The address to listen on. With port 0 the kernel chooses the port. systemd:NAME means all sockets that are passed \
        under that name.
        """),
      .init(
        "listener.ipv6_only", .boolean, default: "true", \.isIPv6Only,
        """
        Whether an IPv6 address accepts only IPv6 clients. If false, [::] also accepts IPv4 clients, which appear with \
        their IPv4 addresses.
        """),
      .init(
        "listener.mode", .fileMode, default: "\"0660\"", \.mode,
        "The permissions of a unix socket. Clients need write permission to connect."),
      .init(
        "listener.owner", .text("user", check: checkAccount), default: "\"\"", \.owner,
        "The owner of a unix socket, by name or number. Empty means the user that starts the server."),
      .init(
        "listener.group", .text("group", check: checkAccount), default: "\"\"", \.group,
        """
        The group of a unix socket, by name or number. Empty means the group of the user that starts the server.
        """),
      .init(
        "listener.h2c", .boolean, default: "false", \.h2c,
        "Whether clients may use HTTP/2 without TLS, with prior knowledge."),
      .init(
        "listener.early_hints", .choice(), default: "auto", \.earlyHints,
        "Overrides early_hints.http1 for this listener. \"auto\" keeps that value."),
      .init(
        "listener.early_hints_audience", .choice(), default: "auto", \.earlyHintsAudience,
        "Overrides early_hints.audience for this listener. \"auto\" keeps that value."),
      .init(
        "listener.proxy_protocol", .choice(), default: "off", \.proxyProtocol,
        """
        The version of the PROXY header that every connection must begin with, or off. Connections from peers outside \
        proxy.trusted are then refused. TLS information in a version 2 header sets the scheme, and gives the plugin the \
        common name of the client's certificate.
        """),
      .init(
        "listener.protocols", .choices(), default: #"["h2", "http/1.1"]"#, \.protocols,
        """
        The protocols that a TLS listener offers by ALPN, in order of preference. The sync model leaves out h2.
        """),

      .init(
        "listener.tls.certificate", .text("path", check: TLSSettings.checkCertificatePath),
        default: .derived("none; without it the listener does not use TLS"), \.tls.certificate,
        """
        The certificate and its chain, in PEM. A relative path is resolved against the directory of the configuration \
        file.
        """),
      .init(
        "listener.tls.key", .text("path", check: TLSSettings.checkCertificatePath),
        default: .derived("none; required with a certificate"), \.tls.key,
        "The private key of the certificate, in PEM, without a passphrase."),
      .init(
        "listener.tls.client_ca", .text("path", check: TLSSettings.checkOptionalPath), default: "", \.tls.clientCA,
        "The certificate authorities for client certificates, in PEM. Empty means none."),
      .init(
        "listener.tls.client_auth", .choice(), default: "none", \.tls.clientAuth,
        """
        Whether clients may (optional) or must (required) present a certificate. A certificate that a client presents must \
        be valid.
        """),
      .init(
        "listener.tls.min_version", .choice(), default: #""1.2""#, \.tls.minVersion,
        "The lowest TLS version that the listener accepts."),
      .init(
        "listener.tls.ciphers", .text("OpenSSL cipher list"), default: "ECDHE+AESGCM:ECDHE+CHACHA20", \.tls.ciphers,
        """
        The ciphers for TLS 1.2. The default is the authenticated ciphers with forward secrecy. Old clients may need \
        "DEFAULT", OpenSSL's default list; an empty value means the same. With a cipher that HTTP/2 forbids, the \
        connection uses HTTP/1.1.
        """),
    ])
}

extension ServerNameSettings {
  static let table = "listener.tls.sni"

  static let schema = Schema<ServerNameSettings>(
    room: ServerNameSettings(),
    [
      .init(
        "\(table).names", .hostNames, default: .required, \.names,
        "The host names that this certificate is for. *.example.org covers exactly one more label."),
      .init(
        "\(table).certificate", .text("path", check: TLSSettings.checkCertificatePath), default: .required,
        \.certificate, "Like listener.tls.certificate."),
      .init(
        "\(table).key", .text("path", check: TLSSettings.checkCertificatePath), default: .required, \.key,
        "Like listener.tls.key."),
    ])
}
