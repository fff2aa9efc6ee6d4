#pragma once
// HttpMeters: how many requests each route has answered, by status. Labels come from the route table and from
// a list of statuses, never from a client. Any thread.

#include <array>
#include <iterator>
#include <span>
#include <vector>

#include "server/metrics/meters.h"

namespace tern {

struct RouteDesc;

class HttpMeters {
 public:
  // The last stands for all others.
  static constexpr int kStatuses[] = {200, 204, 400, 401, 403, 404, 405, 408, 413,
                                      415, 429, 431, 499, 500, 501, 503, 504, 0};
  explicit HttpMeters(std::span<const RouteDesc* const> routes)
      : routes_(routes), counts_(routes.size() + 1) {}

  // `route`: null where no endpoint has the path.
  void Count(const RouteDesc* route, int status);

  struct Row {
    const RouteDesc* route = nullptr;
    int status = 0;
    uint64_t requests = 0;
  };
  std::vector<Row> rows() const;  // those with requests

 private:
  std::span<const RouteDesc* const> routes_;
  std::vector<std::array<Counter, std::size(kStatuses)>> counts_;  // by route; behind them: none
};

}  // namespace tern
