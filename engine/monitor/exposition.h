// exposition.h: a view as Prometheus metrics, text format 0.0.4.
//
// Names     icingest_…, base units, counters end in _total; every name is in docs/operations.md, which a test holds
// Threads   pure functions
// Source    prometheus.io/docs/practices/naming, …/instrumenting/exposition_formats (read 2026-11)
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "monitor/view.h"

namespace icingest::monitor {

[[nodiscard]] std::vector<prometheus::MetricFamily> families(const View& view);
// Every family there can be, with a sample or more of each: for documentation, and for checks of what names them.
[[nodiscard]] std::vector<prometheus::MetricFamily> every_family();
[[nodiscard]] std::string to_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace icingest::monitor
