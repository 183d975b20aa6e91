/* throws: a plugin in C++ that takes its worker down, as plugins in C++ do: an exception that nobody catches leaves its
 * hook. Built with -DEVENT_STYLE it is an event-style plugin, else a blocking one. /pid tells which worker serves. */
#include <outrider.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace {

std::string answer(const std::string &path) {
  if (path == "/throw") throw std::runtime_error("thrown by a plugin");
  if (path == "/throw-number") throw 42;
  if (path == "/exit") std::exit(3);
  if (path == "/pid") return std::to_string(getpid());
  return "ok";
}

std::string text(outrider_bytes bytes) { return std::string(bytes.data ? bytes.data : "", bytes.size); }

#ifdef EVENT_STYLE

constexpr const char *name = "throws_event";

outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **) {
  const std::string body = answer(text(head->path));
  return outrider_send_response(static_cast<const outrider_host *>(state), exchange, 200, nullptr, 0,
                                {body.data(), body.size()});
}

void on_event(void *, void *, outrider_exchange, const outrider_event *) {}

void close(void *, void *, outrider_exchange) {}

#else

constexpr const char *name = "throws_blocking";

outrider_status handle(void *, void *, outrider_exchange exchange, const outrider_head *head, const outrider_io *io) {
  const std::string body = answer(text(head->path));
  return io->respond(io, exchange, 200, nullptr, 0, {body.data(), body.size()});
}

#endif

outrider_plugin describe() {
  outrider_plugin plugin{};
  plugin.size = sizeof plugin;
  plugin.abi = OUTRIDER_ABI_VERSION;
  plugin.abi_required = OUTRIDER_ABI(1, 0);
  plugin.capabilities = OUTRIDER_THREAD_SAFE;
  plugin.name = name;
  plugin.version = "1.0";
#ifdef EVENT_STYLE
  plugin.open = open;
  plugin.on_event = on_event;
  plugin.close = close;
#else
  plugin.handle = handle;
#endif
  return plugin;
}

}  // namespace

const outrider_plugin *outrider_plugin_v1(const outrider_host *) {
  static const outrider_plugin plugin = describe();
  return &plugin;
}
