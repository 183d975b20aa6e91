# Ruby's net/http, on a connection that is kept.

require "digest"
require "json"
require "net/http"

trusted, content_file, *urls = ARGV
content = File.binread(content_file)
first = URI(urls.first)
tls = first.scheme == "https"

http = Net::HTTP.new(first.host, first.port)
http.read_timeout = 30
http.continue_timeout = 20
http.use_ssl = tls
http.ca_file = trusted if tls
http.start
urls.each do |url|
  path = URI(url).path
  request = path == "/echo" ? Net::HTTP::Post.new(path) : Net::HTTP::Get.new(path)
  request["Accept-Encoding"] = "identity"
  if path == "/echo"
    request.body = content
    request["Expect"] = "100-continue"
    request["Content-Type"] = "application/octet-stream"
  end
  response = http.request(request)
  data = response.body || ""
  puts JSON.generate(url: url, status: response.code.to_i, protocol: "HTTP/#{response.http_version}",
                     size: data.bytesize, sha256: Digest::SHA256.hexdigest(data))
rescue StandardError => fault
  puts JSON.generate(url: url, fault: fault.inspect)
end
