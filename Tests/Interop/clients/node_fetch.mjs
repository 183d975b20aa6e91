// node's fetch; it knows whom to trust from NODE_EXTRA_CA_CERTS, and tells nothing of protocols.

import { content, fail, isUpload, tell, urls } from "./report.mjs";

for (const url of urls) {
  try {
    const response = await fetch(url, isUpload(url) ? { method: "POST", body: content } : {});
    tell(url, response.status, "", [], Buffer.from(await response.arrayBuffer()));
  } catch (fault) {
    fail(url, fault);
  }
}
