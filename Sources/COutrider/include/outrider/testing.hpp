/** @file
 * The mock host of <outrider/testing.h> for C++17, and a few lines to write tests in. See outrider-testing(3).
 *
 *     #include <outrider/testing.hpp>
 *
 *     using namespace outrider::testing;
 *
 *     OUTRIDER_TEST(it_hints_and_answers) {
 *       mock_host host;
 *       auto exchange = host.serve(get("/"));
 *       OUTRIDER_CHECK_EQUAL(exchange.hints().size(), 1u);
 *       OUTRIDER_CHECK_EQUAL(exchange.body(), "hello\n");
 *     }
 *
 *     int main() { return run_tests(); }
 *
 *     c++ -std=c++17 -o test_hello test_hello.cpp hello.cpp $(pkg-config --cflags --libs outrider-testing)
 *
 * Any other framework does as well: mock_host does not depend on the macros.
 */
#ifndef OUTRIDER_TESTING_HPP
#define OUTRIDER_TESTING_HPP

#include <outrider/cpp/bytes.hpp>
#include <outrider/cpp/fields.hpp>
#include <outrider/cpp/host.hpp>
#include <outrider/testing.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace outrider::testing {

/** A request to serve: `post("/notes", "{}").field("accept", "application/json")`. */
class mock_request {
 public:
  explicit mock_request(std::string method, std::string target) : method_(std::move(method)), target_(std::move(target)) {}

  /** Add a field. Host, Content-Length and Transfer-Encoding are added by the host. */
  mock_request &field(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  mock_request &body(std::string body) {
    body_ = std::move(body);
    return *this;
  }
  /** A combination of OUTRIDER_MOCK_*. */
  mock_request &flags(std::uint32_t flags) {
    flags_ |= flags;
    return *this;
  }
  /** More of the content follows: mock_exchange::feed() and end_body(). */
  mock_request &body_follows() { return flags(OUTRIDER_MOCK_BODY_FOLLOWS); }
  /** The client receives the response only by mock_exchange::take(). */
  mock_request &slow() { return flags(OUTRIDER_MOCK_SLOW); }
  /** OUTRIDER_HTTP_*; without it HTTP/1.1. */
  mock_request &version(std::uint32_t version) {
    version_ = version;
    return *this;
  }
  /** Called when a function of the blocking style waits for the client: see outrider_mock_request.wait. */
  mock_request &wait(std::function<void(class mock_exchange)> wait) {
    wait_ = std::make_shared<std::function<void(mock_exchange)>>(std::move(wait));
    return *this;
  }

 private:
  friend class mock_host;

  std::string method_, target_, body_;
  std::vector<std::pair<std::string, std::string>> fields_;
  std::uint32_t flags_ = 0, version_ = 0;
  std::shared_ptr<std::function<void(mock_exchange)>> wait_;
};

inline mock_request get(std::string target) { return mock_request("GET", std::move(target)); }
inline mock_request post(std::string target, std::string body) {
  return mock_request("POST", std::move(target)).body(std::move(body));
}

/** A request with its response. A handle: the host owns it. Views are valid until the next function of the host. */
class mock_exchange {
 public:
  explicit mock_exchange(outrider_mock_exchange *exchange) noexcept : exchange_(exchange) {}

  std::uint32_t status() const noexcept { return response().status; } /**< of the final head; 0 before it */
  std::string_view body() const noexcept { return view(response().body); }
  outrider::fields fields() const noexcept { return {response().fields, response().n_fields}; }
  std::optional<std::string_view> field(std::string_view name) const noexcept { return fields().find(name); }
  std::string_view wire() const noexcept { return view(response().wire); } /**< everything as HTTP/1.1 */

  /** The fields of each 103 before the response. */
  std::vector<outrider::fields> hints() const {
    std::vector<outrider::fields> found;
    for (std::size_t i = 0; i < response().n_informational; i++) {
      const auto &section = response().informational[i];
      if (section.status == 103) found.emplace_back(section.fields, section.n_fields);
    }
    return found;
  }

  bool is_open() const noexcept { return response().ending == OUTRIDER_MOCK_OPEN; } /**< it has not ended */
  bool is_complete() const noexcept { return response().ending == OUTRIDER_MOCK_COMPLETE; }
  bool is_page() const noexcept { return response().ending == OUTRIDER_MOCK_PAGE; } /**< the server's own page, as a 500 */
  bool is_cut() const noexcept { return response().ending == OUTRIDER_MOCK_CUT; } /**< it was cut off after its head */

  void feed(std::string_view piece) const noexcept { outrider_mock_feed(exchange_, bytes(piece)); } /**< more content */
  void end_body(field_list trailers = {}) const noexcept {
    outrider_mock_end_body(exchange_, trailers.begin(), trailers.size());
  }
  void leave() const noexcept { outrider_mock_leave(exchange_); } /**< the client disconnects */
  void take(std::size_t size) const noexcept { outrider_mock_take(exchange_, size); } /**< with mock_request::slow() */

  /** The value that the request was given by note(). */
  std::optional<std::string_view> note(const char *key) const noexcept {
    const outrider_bytes value = outrider_mock_note(exchange_, key);
    return value.data == nullptr ? std::nullopt : std::optional(view(value));
  }

 private:
  const outrider_mock_response &response() const noexcept { return *outrider_mock_response_of(exchange_); }

  outrider_mock_exchange *exchange_;
};

/** A host in memory with one plugin, which is stopped by its destructor. Misuse of a function ends the process, with its
 * reason, unless the settings say otherwise. */
class mock_host {
 public:
  /** Settings with this [plugin.config], as a JSON object, and this model, which decides the style of a plugin with two. */
  static outrider_mock_settings settings(const char *config = "{}", std::uint32_t model = OUTRIDER_MODEL_ASYNC) noexcept {
    outrider_mock_settings settings{};
    settings.size = sizeof settings, settings.config = config, settings.model = model, settings.aborts_on_misuse = 1;
    return settings;
  }

  /** Starts the plugin that is linked with the test. Throws std::runtime_error with the reason if it is refused. */
  explicit mock_host(const char *config = "{}", std::uint32_t model = OUTRIDER_MODEL_ASYNC)
      : mock_host(outrider_plugin_v1, settings(config, model)) {}

  /** The same for another entry point. */
  explicit mock_host(outrider_mock_entry entry, const outrider_mock_settings &settings)
      : mock_(outrider_mock_new(entry, &settings)) {
    if (!mock_ || outrider_mock_start(mock_.get()) < 0)
      throw std::runtime_error(mock_ ? outrider_mock_error(mock_.get()) : "no memory");
  }

  /** The reason for which the plugin is refused with these settings; empty: it is not. */
  static std::string refusal(outrider_mock_entry entry, const outrider_mock_settings &settings) try {
    mock_host host(entry, settings);
    return {};
  } catch (const std::runtime_error &reason) {
    return reason.what();
  }
  static std::string refusal(const char *config) { return refusal(outrider_plugin_v1, settings(config)); }

  /** Passes a request to the plugin. Throws std::invalid_argument: the server itself would refuse it. */
  mock_exchange serve(const mock_request &request) {
    std::vector<outrider::field> fields;
    for (const auto &[name, value] : request.fields_) fields.emplace_back(name, value);
    outrider_mock_request asked{};
    asked.size = sizeof asked, asked.flags = request.flags_, asked.http_version = request.version_;
    asked.method = request.method_.c_str(), asked.target = request.target_.c_str();
    asked.fields = fields.data(), asked.n_fields = fields.size(), asked.body = bytes(request.body_);
    if (request.wait_) {
      asked.wait = [](void *context, outrider_mock_exchange *exchange) {
        (*static_cast<std::function<void(mock_exchange)> *>(context))(mock_exchange(exchange));
      };
      asked.wait_context = waits_.emplace_back(request.wait_).get();
    }
    auto *const exchange = outrider_mock_serve(mock_.get(), &asked);
    if (exchange == nullptr) throw std::invalid_argument("the server refuses " + request.method_ + ' ' + request.target_);
    return mock_exchange(exchange);
  }

  void advance(std::chrono::nanoseconds time) { outrider_mock_advance(mock_.get(), detail::nanoseconds(time)); } /**< time passes */
  void run() { outrider_mock_run(mock_.get()); } /**< run what is due on the loop */
  void drain() { outrider_mock_drain(mock_.get()); } /**< the worker drains */

  /** Waits, in real time, for another thread to post, wake or send; whether it did within the time. */
  bool wait(std::chrono::milliseconds time) {
    return outrider_mock_wait(mock_.get(), static_cast<std::uint32_t>(time.count())) != 0;
  }

  /** The lines that the plugin has logged. */
  std::vector<std::string> log() const {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < outrider_mock_log_lines(mock_.get()); i++)
      lines.emplace_back(outrider_mock_log_line(mock_.get(), i, nullptr));
    return lines;
  }

  /** The number of calls that were misuse, with settings that go on after one. */
  std::size_t misuses() const noexcept { return outrider_mock_misuses(mock_.get()); }

  /** The value of a metric: see outrider_mock_metric. */
  double metric(const char *name) const noexcept { return outrider_mock_metric(mock_.get(), name); }

  /** The host of the C API, for what has no function here. */
  outrider_mock *mock() const noexcept { return mock_.get(); }

 private:
  struct stop {
    void operator()(outrider_mock *mock) const noexcept {
      outrider_mock_stop(mock, 0);
      outrider_mock_free(mock);
    }
  };

  std::vector<std::shared_ptr<std::function<void(mock_exchange)>>> waits_;
  std::unique_ptr<outrider_mock, stop> mock_;
};

// ---- Tests ----------------------------------------------------------------------------------------------------------

namespace detail {

struct test {
  const char *name;
  void (*run)();
};

inline std::vector<test> &tests() {
  static std::vector<test> tests;
  return tests;
}

inline int &failures() {
  static int failures = 0;
  return failures;
}

struct registration {
  registration(const char *name, void (*run)()) { tests().push_back({name, run}); }
};

inline std::ostream &failed(const char *file, int line) {
  failures()++;
  return std::cerr << file << ':' << line << ": ";
}

template <class Value>
void show(std::ostream &out, const Value &value) {
  out << value;
}
template <class Value>
void show(std::ostream &out, const std::optional<Value> &value) {
  value ? show(out, *value) : show(out, "(nothing)");
}

template <class One, class Other>
void check_equal(const One &one, const Other &other, const char *what, const char *file, int line) {
  if (one == other) return;
  auto &out = failed(file, line) << what << " is ";
  show(out, one);
  show(out << ", not ", other);
  out << '\n';
}

}  // namespace detail

/** Runs all tests, and says which have failed; the exit status for main(). */
inline int run_tests() {
  for (const auto &test : detail::tests()) {
    const int before = detail::failures();
    try {
      test.run();
    } catch (const std::exception &thrown) {
      detail::failed(test.name, 0) << "has thrown: " << thrown.what() << '\n';
    }
    if (detail::failures() != before) std::cerr << "failed: " << test.name << '\n';
  }
  if (detail::failures() == 0) std::cout << detail::tests().size() << " tests have passed\n";
  return detail::failures() == 0 ? 0 : 1;
}

}  // namespace outrider::testing

/** Defines a test; its body follows. */
#define OUTRIDER_TEST(name)                                                         \
  static void name();                                                               \
  static const ::outrider::testing::detail::registration name##_is_run(#name, name); \
  static void name()

/** The test fails, and goes on, unless the condition is true. */
#define OUTRIDER_CHECK(condition)                                                                        \
  do {                                                                                                   \
    if (!(condition)) ::outrider::testing::detail::failed(__FILE__, __LINE__) << "not so: " #condition "\n"; \
  } while (false)

/** The test fails, shows both, and goes on, unless they are equal. */
#define OUTRIDER_CHECK_EQUAL(one, other) \
  ::outrider::testing::detail::check_equal(one, other, #one, __FILE__, __LINE__)

#endif
