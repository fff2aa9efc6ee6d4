#pragma once
// RunTime: how long a run will take, by its parts in their order, and how far it is: one bar for all of it.

#include <cstdint>
#include <string_view>
#include <vector>

namespace tern {

class RunTime {
 public:
  struct Part {
    std::string_view what;  // outlives the run
    double seconds = 0;     // estimated
  };

  // No parts: nothing is known, all shares are 0.
  explicit RunTime(std::vector<Part> parts = {});

  double seconds() const { return seconds_; }
  // Of the estimated time, when `done` of `total` of a part are done; parts before it are done, a part that
  // comes again or is not known changes nothing. Never less than at the last call.
  double Share(std::string_view what, int64_t done, int64_t total);

 private:
  std::vector<Part> parts_;
  double seconds_ = 0, share_ = 0;
};

}  // namespace tern
