/** @file
 * A plugin's own metrics. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_METRICS_HPP
#define OUTRIDER_CPP_METRICS_HPP

#include <outrider/cpp/error.hpp>
#include <outrider/cpp/host.hpp>
#include <outrider/metrics.h>

#include <cstdint>
#include <initializer_list>

namespace outrider {

/** A label of a metric with its value: string literals. */
using metric_label = outrider_metric_label;

namespace detail {

/** A metric that is defined in the constructor of the application, and kept in it. On a host without the extension
 * outrider.metrics/1 it records nothing. */
class metric {
 protected:
  /** Throws error: the host rejects the definition; the log says why. */
  metric(host host, std::uint32_t kind, const char *name, const char *help, std::initializer_list<metric_label> labels,
         std::initializer_list<double> bounds = {})
      : host_(host.table()), functions_(host.extension<outrider_metrics>(OUTRIDER_METRICS)) {
    if (functions_ == nullptr) return;
    outrider_metric definition{};
    definition.size = sizeof definition, definition.kind = kind, definition.name = name, definition.help = help;
    definition.labels = labels.begin(), definition.n_labels = labels.size();
    definition.bounds = bounds.begin(), definition.n_bounds = bounds.size();
    accepted("define", functions_->define(host_, &definition, &number_));
  }

  const outrider_host *host_;
  const outrider_metrics *functions_;
  std::uint32_t number_ = 0;
};

}  // namespace detail

/** A number that only rises. Its name ends with "_total". Recording is [any-thread], without a lock. */
class counter : detail::metric {
 public:
  counter(host host, const char *name, const char *help, std::initializer_list<metric_label> labels = {})
      : metric(host, OUTRIDER_METRIC_COUNTER, name, help, labels) {}
  void add(std::uint64_t amount = 1) const noexcept {
    if (number_ != 0) functions_->add(host_, number_, amount);
  }
};

/** A number that rises and falls. kind: OUTRIDER_METRIC_GAUGE, the sum over the workers, or _GAUGE_MAXIMUM, _GAUGE_MINIMUM. */
class gauge : detail::metric {
 public:
  gauge(host host, const char *name, const char *help, std::initializer_list<metric_label> labels = {},
        std::uint32_t kind = OUTRIDER_METRIC_GAUGE)
      : metric(host, kind, name, help, labels) {}
  void set(double value) const noexcept {
    if (number_ != 0) functions_->set(host_, number_, value);
  }
  void change(double amount) const noexcept {
    if (number_ != 0) functions_->change(host_, number_, amount);
  }
};

/** A distribution of values over buckets, whose upper bounds rise. */
class histogram : detail::metric {
 public:
  histogram(host host, const char *name, const char *help, std::initializer_list<double> bounds,
            std::initializer_list<metric_label> labels = {})
      : metric(host, OUTRIDER_METRIC_HISTOGRAM, name, help, labels, bounds) {}
  void observe(double value) const noexcept {
    if (number_ != 0) functions_->observe(host_, number_, value);
  }
};

}  // namespace outrider

#endif
