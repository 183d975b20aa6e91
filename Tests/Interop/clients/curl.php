<?php
// PHP's curl, on a connection that is kept; libcurl chooses HTTP/2 over TLS.

$content = file_get_contents($argv[2]);
$versions = [CURL_HTTP_VERSION_1_0 => "HTTP/1.0", CURL_HTTP_VERSION_1_1 => "HTTP/1.1", CURL_HTTP_VERSION_2_0 => "HTTP/2"];
$handle = curl_init();
foreach (array_slice($argv, 3) as $url) {
    $heads = [];
    curl_reset($handle);
    curl_setopt_array($handle, [
        CURLOPT_URL => $url,
        CURLOPT_CAINFO => $argv[1],
        CURLOPT_TIMEOUT => 30,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HEADERFUNCTION => function ($handle, $line) use (&$heads) {
            if (preg_match('#^HTTP/\S+ (\d{3})#', $line, $match)) {
                $heads[] = [(int) $match[1], []];
            } elseif (preg_match('#^link: (.*)\r\n$#i', $line, $match)) {
                $heads[count($heads) - 1][1][] = $match[1];
            }
            return strlen($line);
        },
    ]);
    if (parse_url($url, PHP_URL_PATH) === "/echo") {
        curl_setopt($handle, CURLOPT_POSTFIELDS, $content);
    }
    $data = curl_exec($handle);
    if ($data === false) {
        echo json_encode(["url" => $url, "fault" => curl_error($handle)]), "\n";
        continue;
    }
    echo json_encode([
        "url" => $url,
        "status" => curl_getinfo($handle, CURLINFO_RESPONSE_CODE),
        "protocol" => $versions[curl_getinfo($handle, CURLINFO_HTTP_VERSION)] ?? "unknown",
        "informational" => array_map(fn($head) => [$head[0], implode(", ", $head[1])], array_slice($heads, 0, -1)),
        "size" => strlen($data),
        "sha256" => hash("sha256", $data),
    ]), "\n";
}
