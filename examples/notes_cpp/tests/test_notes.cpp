// Tests of the application in the mock host of outrider-testing(3), blocking and as coroutines: no server, and no socket.
#include <outrider/testing.hpp>

#include <filesystem>
#include <fstream>

using namespace outrider::testing;
using namespace std::chrono_literals;

namespace {

// A host with a database and a folder of its own, which its destructor removes.
class notes_host {
 public:
  explicit notes_host(std::uint32_t model) : host_(config().c_str(), model) {}
  ~notes_host() { std::filesystem::remove_all(folder_); }

  mock_host *operator->() { return &host_; }

  std::filesystem::path uploads() const { return folder_ / "uploads"; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(uploads()), {}));
  }

 private:
  static std::filesystem::path made() {
    std::string name = std::filesystem::temp_directory_path() / "notes-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    std::filesystem::create_directory(name + "/uploads");
    return name;
  }
  std::string config() const {
    return "{\"database\": \"" + (folder_ / "notes.db").string() + "\", \"uploads\": \"" + uploads().string() + "\"}";
  }

  std::filesystem::path folder_ = made();
  mock_host host_;
};

constexpr std::uint32_t models[] = {OUTRIDER_MODEL_GTHREAD, OUTRIDER_MODEL_ASYNC};

}  // namespace

OUTRIDER_TEST(notes_are_added_listed_read_and_deleted) {
  for (const auto model : models) {
    notes_host host(model);
    const auto added = host->serve(post("/notes", R"({"text":"buy \"milk\" \u00e9"})"));
    OUTRIDER_CHECK_EQUAL(added.status(), 201u);
    OUTRIDER_CHECK_EQUAL(added.field("location"), "/notes/1");
    OUTRIDER_CHECK_EQUAL(added.body(), "{\"id\":1,\"text\":\"buy \\\"milk\\\" \u00e9\"}");
    const auto listed = host->serve(get("/notes"));
    OUTRIDER_CHECK_EQUAL(listed.hints().size(), 1u);
    OUTRIDER_CHECK_EQUAL(listed.body(), "[{\"id\":1,\"text\":\"buy \\\"milk\\\" \u00e9\"}]");
    OUTRIDER_CHECK_EQUAL(host->serve(get("/notes/1").field("range", "bytes=4-9")).body(), "\"milk\"");
    OUTRIDER_CHECK_EQUAL(host->serve(get("/notes/1").field("range", "bytes=40-")).status(), 416u);
    OUTRIDER_CHECK_EQUAL(host->serve(mock_request("DELETE", "/notes/1")).status(), 204u);
    OUTRIDER_CHECK_EQUAL(host->serve(get("/notes/1")).status(), 404u);
    OUTRIDER_CHECK_EQUAL(host->serve(post("/notes", "{")).body(), R"({"error":"a note is a JSON object with a text"})");
    OUTRIDER_CHECK_EQUAL(host->serve(post("/notes", std::string(65537, ' '))).status(), 413u);
    OUTRIDER_CHECK_EQUAL(host->serve(mock_request("PATCH", "/notes")).field("allow"), "GET, HEAD, POST");
    OUTRIDER_CHECK(host->log().empty());
  }
}

OUTRIDER_TEST(events_take_their_time) {
  notes_host host(OUTRIDER_MODEL_ASYNC);
  const auto events = host->serve(get("/events"));
  const std::string_view event = "data: {\"count\":0}\n\n";
  host->advance(799ms);
  OUTRIDER_CHECK_EQUAL(events.body().size(), 4 * event.size());
  OUTRIDER_CHECK(events.is_open());
  host->advance(1ms);
  OUTRIDER_CHECK(events.is_complete());
  host->serve(get("/events")).leave();
  host->advance(1s);
  OUTRIDER_CHECK(host->log().empty());
}

OUTRIDER_TEST(an_upload_is_a_file_or_nothing) {
  for (const auto model : models) {
    notes_host host(model);
    OUTRIDER_CHECK_EQUAL(host->serve(mock_request("PUT", "/upload/a.txt").body("content")).body(), R"({"bytes":7})");
    std::string content;
    std::ifstream(host.uploads() / "a.txt") >> content;
    OUTRIDER_CHECK_EQUAL(content, "content");
    auto cut = mock_request("PUT", "/upload/b.txt").body("con").body_follows();
    cut.wait([&](mock_exchange exchange) {
      OUTRIDER_CHECK_EQUAL(host.files(), 2u);
      exchange.leave();
    });
    const auto exchange = host->serve(cut);
    if (exchange.is_open()) exchange.leave();
    OUTRIDER_CHECK_EQUAL(host.files(), 1u);
    OUTRIDER_CHECK_EQUAL(host->serve(mock_request("PUT", "/upload/.hidden").body("x")).status(), 400u);
    OUTRIDER_CHECK(host->log().empty());
  }
}

OUTRIDER_TEST(a_key_that_is_missing_is_named) {
  OUTRIDER_CHECK(mock_host::refusal("{\"uploads\": \"/tmp\"}").find("database") != std::string::npos);
  OUTRIDER_CHECK(mock_host::refusal("{\"database\": \"/tmp/x\"}").find("uploads") != std::string::npos);
}

int main() { return run_tests(); }
