#pragma once
// Judge: opens broken checkpoints one by one. Each must give one clear line that names the file, or load
// where the damage may have left it valid; within a second, with little memory, and without a crash. What
// loads is then read.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "io/checkpoint.h"

namespace tern {

struct Broken {
  std::string what;                                        // what was done to it
  std::vector<std::pair<std::string, std::string>> files;  // name, bytes
  bool may_load = false;  // the change may leave a valid checkpoint: loading is right, or an error
};

// --seed S, --count N, --only I (that one alone, and what is said about it), --write FOLDER (seeds for
// fuzzing).
struct JudgeOptions {
  uint64_t seed = 1;
  size_t count = 0;
  long only = -1;
  std::string write_to = {};
};
bool ParseJudgeOptions(int argc, char** argv, JudgeOptions* options);

void WriteBytes(const std::filesystem::path& path, const std::string& bytes);

class Judge {
 public:
  struct Rules {
    // Heap per byte of the files, plus what messages and containers cost in any case.
    double heap_factor;
    size_t heap_constant;
    std::function<Result<std::unique_ptr<Checkpoint>>(const std::string& path)> open;
    // What is done with one that loads; its error need not name the file.
    std::function<Status(const Checkpoint&)> use = nullptr;
    bool is_folder = false;  // opens the folder and not the first of its files
  };

  Judge(Rules rules, const JudgeOptions& options);
  ~Judge();
  void Take(const Broken& broken);
  size_t errors() const { return errors_; }
  // Prints the tally; the exit status.
  int Report() const;

 private:
  std::string Problem(const Broken& broken, size_t bytes, const std::string& path);
  std::string CheckLoaded(const Checkpoint& checkpoint) const;

  const Rules rules_;
  const JudgeOptions options_;
  std::filesystem::path folder_;
  size_t seen_ = 0, errors_ = 0, loaded_ = 0, failures_ = 0;
  double slowest_seconds_ = 0;
  std::string slowest_;
  double most_heap_ = 0;  // bytes beyond the constant, per byte of the files
  std::string most_heap_of_;
};

}  // namespace tern
