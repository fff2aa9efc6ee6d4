#include "compress/run_time.h"

#include <algorithm>

namespace tern {

RunTime::RunTime(std::vector<Part> parts) : parts_(std::move(parts)) {
  for (const Part& part : parts_) seconds_ += part.seconds;
}

double RunTime::Share(std::string_view what, int64_t done, int64_t total) {
  double before = 0;
  for (const Part& part : parts_) {
    if (part.what == what) {
      const double of_part =
          total > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 0;
      share_ = std::max(share_, (before + of_part * part.seconds) / seconds_);
      break;
    }
    before += part.seconds;
  }
  return share_;
}

}  // namespace tern
