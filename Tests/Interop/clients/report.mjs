// What the programs in node report: a line of JSON for each response.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export const [trusted, contentFile, ...urls] = process.argv.slice(2);
export const certificates = readFileSync(trusted);
export const content = readFileSync(contentFile);

export const isUpload = (url) => new URL(url).pathname === "/echo";

export function tell(url, status, protocol, informational, data) {
  const sha256 = createHash("sha256").update(data).digest("hex");
  console.log(JSON.stringify({ url, status, protocol, informational, size: data.length, sha256 }));
}

export function fail(url, fault) {
  console.log(JSON.stringify({ url, fault: String(fault.cause ?? fault) }));
}
