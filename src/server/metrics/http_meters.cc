#include "server/metrics/http_meters.h"

#include <algorithm>

namespace tern {

void HttpMeters::Count(const RouteDesc* route, int status) {
  const auto row = static_cast<size_t>(std::ranges::find(routes_, route) - routes_.begin());
  const auto others = std::end(kStatuses) - 1;
  const auto column =
      static_cast<size_t>(std::find(std::begin(kStatuses), others, status) - std::begin(kStatuses));
  counts_[row][column].Add();
}

std::vector<HttpMeters::Row> HttpMeters::rows() const {
  std::vector<Row> rows;
  for (size_t r = 0; r < counts_.size(); ++r) {
    for (size_t s = 0; s < std::size(kStatuses); ++s) {
      const uint64_t requests = counts_[r][s].value();
      if (requests > 0) rows.push_back({r < routes_.size() ? routes_[r] : nullptr, kStatuses[s], requests});
    }
  }
  return rows;
}

}  // namespace tern
