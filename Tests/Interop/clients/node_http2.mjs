// node's http2, all requests on one connection. Each 1xx comes as "headers", a 100 as "continue" too.

import http2 from "node:http2";
import { certificates, content, fail, isUpload, tell, urls } from "./report.mjs";

function exchange(session, url) {
  return new Promise((resolve, reject) => {
    const informational = [];
    let status;
    const fields = { ":path": new URL(url).pathname };
    if (isUpload(url)) Object.assign(fields, { ":method": "POST", expect: "100-continue" });
    const stream = session.request(fields, { endStream: !isUpload(url) });
    const pieces = [];
    stream.setTimeout(30000, () => stream.destroy(new Error("timeout")));
    stream.on("continue", () => {
      informational.push([100, ""]);
      stream.end(content);
    });
    stream.on("headers", (headers) => {
      if (headers[":status"] !== 100) informational.push([headers[":status"], headers.link ?? ""]);
    });
    stream.on("response", (headers) => (status = headers[":status"]));
    stream.on("data", (piece) => pieces.push(piece));
    stream.on("error", reject);
    stream.on("end", () => {
      const protocol = session.alpnProtocol === "h2" || session.alpnProtocol === "h2c" ? "HTTP/2" : session.alpnProtocol;
      tell(url, status, protocol, informational, Buffer.concat(pieces));
      resolve();
    });
  });
}

const session = http2.connect(new URL(urls[0]).origin, { ca: certificates });
session.on("error", (fault) => console.error(fault));
for (const url of urls) await exchange(session, url).catch((fault) => fail(url, fault));
session.close();
