#pragma once
// What `tern sim` says of runs of the simulator: for people, and as JSON.

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "plan/simulator.h"

namespace tern {

// One run: what was different in it, and what came of it.
struct SimRow {
  std::string label;              // "fifo", "65536 tokens", ...
  double rate = 0;                // requests a second, as they came
  double most_rate = 0;           // at which the service level holds; 0: not asked
  int64_t good = 0;               // requests that were served as promised
  double high_first_token_s = 0;  // p99 of those of high priority; 0: there are none
  SimResult result;
};

SimRow MakeSimRow(std::string label, const Trace& trace, SimResult result, const Slo& slo);

// A paragraph of figures of one run.
std::string SimText(const SimRow& row, const Slo& slo);
// A line for each; `what` is what the labels are of.
std::string SimTable(const std::string& what, const std::vector<SimRow>& rows);
boost::json::object SimJson(const SimRow& row);

std::string SloText(const Slo& slo);    // "TTFT 2 s; ITL 100 ms, on average"
std::string ShortTime(double seconds);  // "850 us", "12.3 ms", "1.25 s"

}  // namespace tern
