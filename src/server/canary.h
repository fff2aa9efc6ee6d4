#pragma once
// Canary: a name that stands for several models, each with a share of the requests, by a hash of their ids.
// The first is the one that is trusted: another whose answers fail more often, or take longer, loses its
// share to the first, and does not get it back by itself. One thread at a time.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

struct CanaryLimits {
  size_t least = 20;           // answers of both that are counted before anything is said of them
  double error_margin = 0.05;  // failed answers as a share: more than the first's by so much is worse
  double slower = 1.5;         // p95 of whole answers: so many times the first's is worse
};

struct CanaryTarget {
  std::string model;
  double percent = 0;
};

class Canary {
 public:
  // Errors: no targets, a percentage below 0, a sum other than 100.
  static Result<Canary> Make(std::string name, std::vector<CanaryTarget> targets, CanaryLimits limits = {});

  const std::string& name() const { return name_; }
  // Which target a request gets: the same id always the same one, as long as none lost its share.
  size_t Pick(std::string_view request_id) const;
  // An answer ended. "": nothing follows from it; else why the target has lost its share just now.
  std::string Count(size_t target, bool failed, double seconds);
  // All targets have their shares again, and counts begin anew.
  void Restore();

  struct Target {
    std::string model;
    double percent = 0;     // as it was made
    double share = 0;       // and that it gets now
    std::string lost = {};  // why it has none any more; empty: it has
    uint64_t answers = 0, failed = 0;
    double p95_s = 0;  // of those that are remembered
  };
  std::vector<Target> targets() const;

 private:
  static constexpr size_t kRemembered = 200;  // of each target, the last answers
  struct Answers {
    std::vector<float> seconds;
    std::vector<bool> failed;
    uint64_t count = 0, failures = 0;
    double failed_share() const;
    double p95_s() const;
  };
  Canary() = default;
  std::string Judge(size_t target) const;

  std::string name_;
  std::vector<CanaryTarget> targets_;
  std::vector<Answers> answers_;
  std::vector<std::string> lost_;
  CanaryLimits limits_;
};

}  // namespace tern
