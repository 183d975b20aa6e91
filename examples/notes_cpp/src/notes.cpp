// The notes application (../../notes.md): blocking under sync and gthread, a coroutine for each request under async.
#include "database.hpp"
#include "json.hpp"
#include "range.hpp"
#include "upload.hpp"

#include <outrider/outrider.hpp>

#include <charconv>
#include <optional>
#include <string>
#include <thread>

namespace notes {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_content = 65536;
constexpr int events = 5;
constexpr auto between_events = 200ms;

// An error with a field besides its reason.
struct refusal : outrider::http_error {
  refusal(std::uint32_t status, const std::string &reason, std::string name, std::string value)
      : http_error(status, reason), name(std::move(name)), value(std::move(value)) {}
  std::string name, value;
};

[[noreturn]] void refuse_method(const char *allowed) { throw refusal(405, "method not allowed", "allow", allowed); }

// ---- Where a request goes -------------------------------------------------------------------------------------------

enum class action { list, add, get, remove, stream_events, store };

struct route {
  notes::action action;
  std::int64_t id = 0;
  std::string_view name = {};
};

std::optional<std::int64_t> read_id(std::string_view text) {
  std::int64_t id = 0;
  const auto *const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, id);
  return error == std::errc() && rest == end && id > 0 ? std::optional(id) : std::nullopt;
}

// Throws http_error if there is nothing at the path, or not with the method.
route find_route(const outrider::incoming &request) {
  const auto path = request.path(), method = request.method();
  const bool is_get = method == "GET" || method == "HEAD";
  const auto below = [&](std::string_view prefix) { return path.substr(0, prefix.size()) == prefix; };
  if (path == "/notes") {
    if (is_get) return {action::list};
    if (method == "POST") return {action::add};
    refuse_method("GET, HEAD, POST");
  }
  if (below("/notes/")) {
    const auto id = read_id(path.substr(7));
    if (!id) throw outrider::http_error(404, "not found");
    if (is_get) return {action::get, *id};
    if (method == "DELETE") return {action::remove, *id};
    refuse_method("GET, HEAD, DELETE");
  }
  if (path == "/events") {
    if (method == "GET") return {action::stream_events};
    refuse_method("GET");
  }
  if (below("/upload/")) {
    if (method != "PUT") refuse_method("PUT");
    const auto name = path.substr(8);
    if (!upload::is_valid_name(name)) throw outrider::http_error(400, "no file may have this name");
    return {action::store, 0, name};
  }
  throw outrider::http_error(404, "not found");
}

// ---- Responses, the same in both styles -----------------------------------------------------------------------------

template <class Request>
void respond_json(Request &request, std::uint32_t status, std::string_view body) {
  request.respond(status, {{"content-type", "application/json"}}, body);
}

// Within catch (...): an http_error becomes JSON, if the response has not begun.
template <class Request>
void respond_error(Request &request) {
  try {
    throw;
  } catch (const refusal &error) {
    request.respond(error.status(), {{"content-type", "application/json"}, {error.name, error.value}},
                    "{\"error\":" + quoted(error.what()) + '}');
  } catch (const outrider::http_error &error) {
    respond_json(request, error.status(), "{\"error\":" + quoted(error.what()) + '}');
  }
}

template <class Request>
void respond_note(Request &request, std::string_view text) {
  constexpr outrider::field type("content-type", "text/plain; charset=utf-8");
  const auto wanted = request.method() == "GET" ? request.field("range") : std::nullopt;
  const auto part = read_range(wanted.value_or(std::string_view()), text.size());
  const auto size = std::to_string(text.size());
  if (!part) return request.respond(200, {type}, text);
  if (part->size == 0) throw refusal(416, "no byte of the note is within the range", "content-range", "bytes */" + size);
  const auto place = std::to_string(part->first) + '-' + std::to_string(part->first + part->size - 1);
  request.respond(206, {type, {"content-range", "bytes " + place + '/' + size}}, text.substr(part->first, part->size));
}

template <class Request>
void add_note(Request &request, database &database, std::string_view content) {
  const auto text = text_member(content);
  if (!text || text->empty()) throw outrider::http_error(400, "a note is a JSON object with a text");
  const auto id = database.add(*text);
  request.respond(201, {{"content-type", "application/json"}, {"location", "/notes/" + std::to_string(id)}},
                  note_as_json(id, *text));
}

// Actions that wait for nothing.
template <class Request>
void respond_at_once(Request &request, database &database, const route &route) {
  switch (route.action) {
    case action::list:
      request.early_hints({{"link", "</notes.css>; rel=preload; as=style"}});
      return respond_json(request, 200, database.list_as_json());
    case action::get: {
      const auto text = database.get(route.id);
      if (!text) throw outrider::http_error(404, "not found");
      return respond_note(request, *text);
    }
    default:
      if (!database.remove(route.id)) throw outrider::http_error(404, "not found");
      return request.respond(204, {});
  }
}

template <class Request>
void start_events(Request &request) {
  request.start(200, {{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}});
}

std::string next_event(database &database) { return "data: {\"count\":" + std::to_string(database.count()) + "}\n\n"; }

template <class Request>
void finish_upload(Request &request, upload &upload) {
  upload.finish();
  respond_json(request, 201, "{\"bytes\":" + std::to_string(upload.size()) + '}');
}

// ---- The application ------------------------------------------------------------------------------------------------

struct application {
  static constexpr bool thread_safe = true;

  // A connection to the database belongs to one thread, and does not survive a fork.
  struct thread {
    explicit thread(application &application) : database(application.database_path) {}
    notes::database database;
  };

  application(outrider::host host, outrider::purpose purpose) {
    if (purpose == outrider::purpose::inspect) return;
    const outrider::config config(host);
    database_path = config.required_text("database");
    uploads = config.required_text("uploads");
  }

  void worker_start(outrider::worker_info info) {
    if (info.model() == OUTRIDER_MODEL_ASYNC) loop_database.emplace(database_path);
  }
  void worker_stop() { loop_database.reset(); }

  void handle(outrider::request &request, thread &thread) try {
    const auto route = find_route(request);
    if (route.action == action::add) {
      add_note(request, thread.database, request.read_all(max_content));
    } else if (route.action == action::stream_events) {
      start_events(request);
      for (int i = 0; i < events; i++) {
        if (i > 0) std::this_thread::sleep_for(between_events);
        request.write(next_event(thread.database));
      }
    } else if (route.action == action::store) {
      upload upload(uploads, route.name);
      char piece[65536];
      while (const auto size = request.read(piece, sizeof piece)) upload.write({piece, size});
      finish_upload(request, upload);
    } else {
      respond_at_once(request, thread.database, route);
    }
  } catch (const outrider::http_error &) {
    respond_error(request);
  }

  // The database and the disk are asked on the loop: they are local, and answer before another request could.
  outrider::task<> serve(outrider::async_request &request) {
    try {
      const auto route = find_route(request);
      if (route.action == action::add) {
        const auto content = co_await request.read_all(max_content);
        add_note(request, *loop_database, content);
      } else if (route.action == action::stream_events) {
        start_events(request);
        for (int i = 0; i < events; i++) {
          if (i > 0) co_await request.sleep(between_events);
          co_await request.send(next_event(*loop_database));
        }
      } else if (route.action == action::store) {
        upload upload(uploads, route.name);
        for (auto piece = co_await request.read(); !piece.empty(); piece = co_await request.read()) upload.write(piece);
        finish_upload(request, upload);
      } else {
        respond_at_once(request, *loop_database, route);
      }
    } catch (const outrider::http_error &) {
      respond_error(request);
    }
  }

  std::string database_path, uploads;
  std::optional<notes::database> loop_database;
};

}  // namespace
}  // namespace notes

OUTRIDER_PLUGIN(notes::application, "notes", "1.0");
