/* socket_pages.h: the pages for /ws/echo and /ws/chat. Each opens a WebSocket at its own path, shows what comes, and sends
 * what is entered. When the server closes it with 1012 (service restart), the page opens another one, at a random moment
 * of the next half second. */
#ifndef DEMO_PAGES_SOCKET_PAGES_H
#define DEMO_PAGES_SOCKET_PAGES_H

#define DEMO_SOCKET_PAGE(title, explanation, max_length) \
  "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" title "</title>\n" \
  "<link rel=\"icon\" href=\"data:,\">\n<style>\n" \
  "body { font-family: sans-serif; margin: 4rem; max-width: 40rem; }\nh1 { color: #256; }\n" \
  "form { display: flex; gap: .5rem; }\ninput { flex: 1; font: inherit; padding: .3rem; }\n" \
  "button { font: inherit; }\nul { padding: 0; list-style: none; }\nli { overflow-wrap: anywhere; padding: .2rem 0; }\n" \
  "#state { color: #777; }\n</style>\n</head>\n" \
  "<body>\n<h1>" title "</h1>\n<p>" explanation "</p>\n" \
  "<form><input name=\"text\" maxlength=\"" max_length "\" autocomplete=\"off\" aria-label=\"Message\" required>" \
  "<button>Send</button></form>\n<p id=\"state\" role=\"status\">not connected</p>\n<ul id=\"messages\" aria-live=\"polite\"></ul>\n" \
  "<script>\n" \
  "const form = document.querySelector('form'), state = document.querySelector('#state');\n" \
  "const messages = document.querySelector('#messages');\n" \
  "let socket;\n" \
  "function open() {\n" \
  "  socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/#.*/, ''));\n" \
  "  socket.onopen = () => { state.textContent = 'connected'; };\n" \
  "  socket.onmessage = (event) => {\n" \
  "    const item = document.createElement('li');\n" \
  "    item.textContent = event.data;\n" \
  "    messages.append(item);\n" \
  "    if (messages.children.length > 100) messages.firstChild.remove();\n" \
  "  };\n" \
  "  socket.onclose = (event) => {\n" \
  "    state.textContent = `closed: ${event.code} ${event.reason}`;\n" \
  "    if (event.code === 1012) setTimeout(open, Math.random() * 500);\n" \
  "  };\n" \
  "}\n" \
  "form.onsubmit = (event) => {\n" \
  "  event.preventDefault();\n" \
  "  if (socket.readyState !== WebSocket.OPEN) return;\n" \
  "  socket.send(form.text.value);\n" \
  "  form.reset();\n" \
  "};\n" \
  "open();\n" \
  "</script>\n</body>\n</html>\n"

static const char demo_echo_page[] = DEMO_SOCKET_PAGE(
    "Echo", "A WebSocket at this path returns each message as it came.", "65536");

static const char demo_chat_page[] = DEMO_SOCKET_PAGE(
    "Chat",
    "Everybody who has this page open is in one room, whichever worker serves them: the workers share what is said by "
    "<code>outrider.store/1</code>. With <code>store.size = 0</code> each worker has a room of its own.", "250");

#endif
