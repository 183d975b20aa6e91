// node's http and https, on connections that are kept. Each 1xx comes as "information", a 100 as "continue" too.

import http from "node:http";
import https from "node:https";
import { certificates, content, fail, isUpload, tell, urls } from "./report.mjs";

const plain = new http.Agent({ keepAlive: true, maxSockets: 1 });
const secure = new https.Agent({ keepAlive: true, maxSockets: 1, ca: certificates });

function exchange(url) {
  return new Promise((resolve, reject) => {
    const informational = [];
    const overTLS = url.startsWith("https:");
    const options = { agent: overTLS ? secure : plain, timeout: 30000 };
    if (isUpload(url)) {
      options.method = "POST";
      options.headers = { "content-length": content.length, expect: "100-continue" };
    }
    const request = (overTLS ? https : http).request(url, options);
    request.on("continue", () => {
      informational.push([100, ""]);
      request.end(content);
    });
    request.on("information", ({ statusCode, headers }) => {
      if (statusCode !== 100) informational.push([statusCode, headers.link ?? ""]);
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", reject);
    request.on("response", (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        tell(url, response.statusCode, `HTTP/${response.httpVersion}`, informational, Buffer.concat(pieces));
        resolve();
      });
    });
    if (isUpload(url)) request.flushHeaders();
    else request.end();
  });
}

for (const url of urls) await exchange(url).catch((fault) => fail(url, fault));
plain.destroy();
secure.destroy();
