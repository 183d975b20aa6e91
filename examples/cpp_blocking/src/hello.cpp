// A handler that sends early hints, and then its page. outrider-cpp(7) explains it.
#include <outrider/outrider.hpp>

struct application {
  static constexpr bool thread_safe = true;

  void handle(outrider::request &request) {
    request.early_hints({{"link", "</style.css>; rel=preload; as=style"}});  // on the wire before this returns
    request.respond(200, {{"content-type", "text/plain"}}, "hello\n");
  }
};

OUTRIDER_PLUGIN(application, "hello", "1.0");
