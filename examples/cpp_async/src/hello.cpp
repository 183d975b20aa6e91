// A coroutine that sends early hints at once and its page later, and blocks nothing meanwhile. outrider-cpp(7) explains
// it. Configuration: delay_ms = 100.
#include <outrider/outrider.hpp>

struct application {
  explicit application(outrider::host host) : delay(outrider::config(host).integer_or("delay_ms", 100)) {
    if (delay.count() < 0 || delay.count() > 60'000) throw outrider::config_error("delay_ms", "must be from 0 to 60000");
  }

  outrider::task<> serve(outrider::async_request &request) {
    request.early_hints({{"link", "</style.css>; rel=preload; as=style"}});
    co_await request.sleep(delay);
    request.respond(200, {{"content-type", "text/plain"}}, "hello\n");
  }

  std::chrono::milliseconds delay;
};

OUTRIDER_PLUGIN(application, "hello", "1.0");
