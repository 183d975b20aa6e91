<?php
// PHP's streams, as file_get_contents has them.

$content = file_get_contents($argv[2]);
foreach (array_slice($argv, 3) as $url) {
    $options = ["protocol_version" => 1.1, "timeout" => 30, "ignore_errors" => true, "header" => "Connection: close"];
    if (parse_url($url, PHP_URL_PATH) === "/echo") {
        $options["method"] = "POST";
        $options["content"] = $content;
        $options["header"] .= "\r\nContent-Type: application/octet-stream";
    }
    $context = stream_context_create(["http" => $options, "ssl" => ["cafile" => $argv[1]]]);
    $http_response_header = [];
    $data = @file_get_contents($url, false, $context);
    if ($data === false) {
        echo json_encode(["url" => $url, "fault" => error_get_last()["message"] ?? "?"]), "\n";
        continue;
    }
    [$protocol, $status] = explode(" ", $http_response_header[0]);
    echo json_encode([
        "url" => $url,
        "status" => (int) $status,
        "protocol" => $protocol,
        "size" => strlen($data),
        "sha256" => hash("sha256", $data),
    ]), "\n";
}
