// The clients of Java's own library: java.net.http.HttpClient, which prefers HTTP/2, and HttpURLConnection.
// The first argument says which. It starts slowly: one process fetches from all servers, at the same time.

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

class JavaClients {
  interface Client {
    void exchange(URI url) throws Exception;
  }

  static byte[] content;

  public static void main(String[] arguments) throws Exception {
    SSLContext trusted = trusting(Path.of(arguments[1]));
    content = Files.readAllBytes(Path.of(arguments[2]));
    Map<String, List<URI>> origins = new LinkedHashMap<>();
    for (String url : Arrays.asList(arguments).subList(3, arguments.length)) {
      URI uri = URI.create(url);
      origins.computeIfAbsent(uri.getAuthority(), key -> new ArrayList<>()).add(uri);
    }
    HttpsURLConnection.setDefaultSSLSocketFactory(trusted.getSocketFactory());
    HttpClient client = HttpClient.newBuilder().sslContext(trusted).connectTimeout(Duration.ofSeconds(30)).build();
    Client chosen = arguments[0].equals("HttpClient") ? url -> newer(client, url) : JavaClients::older;
    List<Thread> threads = new ArrayList<>();
    for (List<URI> urls : origins.values()) {
      Thread thread = new Thread(() -> urls.forEach(url -> attempt(chosen, url)));
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) thread.join();
    System.exit(0);
  }

  static SSLContext trusting(Path authority) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream certificate = Files.newInputStream(authority)) {
      store.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(certificate));
    }
    TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    return context;
  }

  static boolean isUpload(URI url) {
    return url.getPath().equals("/echo");
  }

  static void attempt(Client client, URI url) {
    try {
      client.exchange(url);
    } catch (Exception fault) {
      say("{\"url\": \"%s\", \"fault\": \"%s\"}".formatted(url, fault.toString().replaceAll("[^ -~]|[\"\\\\]", " ")));
    }
  }

  static void newer(HttpClient client, URI url) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(url).timeout(Duration.ofSeconds(30));
    if (isUpload(url)) request.POST(BodyPublishers.ofByteArray(content)).expectContinue(true);
    var response = client.send(request.build(), BodyHandlers.ofByteArray());
    String protocol = response.version() == HttpClient.Version.HTTP_2 ? "HTTP/2" : "HTTP/1.1";
    tell(url, response.statusCode(), protocol, response.body());
  }

  static void older(URI url) throws Exception {
    HttpURLConnection connection = (HttpURLConnection) url.toURL().openConnection();
    connection.setReadTimeout(30000);
    if (isUpload(url)) {
      connection.setDoOutput(true);
      connection.setFixedLengthStreamingMode(content.length);
      connection.getOutputStream().write(content);
    }
    String protocol = connection.getHeaderField(0).split(" ")[0];
    try (InputStream body = connection.getInputStream()) {
      tell(url, connection.getResponseCode(), protocol, body.readAllBytes());
    } finally {
      connection.disconnect();
    }
  }

  static void tell(URI url, int status, String protocol, byte[] data) throws Exception {
    String sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
    say("{\"url\": \"%s\", \"status\": %d, \"protocol\": \"%s\", \"size\": %d, \"sha256\": \"%s\"}"
            .formatted(url, status, protocol, data.length, sha256));
  }

  static synchronized void say(String line) {
    System.out.println(line);
  }
}
