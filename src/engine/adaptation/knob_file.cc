#include "engine/adaptation/knob_file.h"

#include <fmt/format.h>

#include <sstream>

#include "base/build_id.h"
#include "base/cpu_count.h"
#include "base/file.h"
#include "engine/packed_file_paths.h"

namespace tern {
namespace {

constexpr size_t kMostBytes = 1 << 16;

// "4/8:1.31": of 4, 1.31 times what 8 took.
bool ParseTried(const std::string& word, TriedValue* tried) {
  std::istringstream in(word);
  char slash = 0, colon = 0;
  tried->times = 1;
  if (!(in >> tried->value >> slash >> tried->against >> colon >> tried->ratio)) return false;
  tried->verdict = tried->ratio > Trial::kMuchWorse       ? Verdict::kMuchWorse
                   : tried->ratio < 1 - Trial::kLeastGain ? Verdict::kBetter
                                                          : Verdict::kNotBetter;
  return slash == '/' && colon == ':';
}

bool ParseLine(const std::string& line, KeptKnob* knob) {
  std::istringstream in(line);
  if (!(in >> knob->name >> knob->value)) return false;
  for (std::string word; in >> word;) {
    TriedValue tried;
    if (!ParseTried(word, &tried)) return false;
    knob->values.push_back(tried);
  }
  return true;
}

}  // namespace

KnobFile::KnobFile(const Runner& runner, const RunnerOptions& options) {
  const Checkpoint& checkpoint = *runner.model().checkpoint;
  if (options.cache_weights) {
    paths_ = PackedFilePaths(std::string(checkpoint.path()), options.cache_folder);
    for (std::string& path : paths_) path += kSuffix;
  }
  key_ = fmt::format("tern-knobs 1 {} on {}, {}, precision {}, files", BuildId(), CpuModel(), runner.device(),
                     static_cast<int>(options.precision));
  for (const MappedFile& file : checkpoint.files()) {
    key_ += fmt::format(" {} {}", file.stamp().bytes, file.stamp().modified_ns);
  }
}

std::vector<KeptKnob> KnobFile::Read() const {
  for (const std::string& path : paths_) {
    const auto text = ReadFile(path, kMostBytes);
    if (!text.ok()) continue;
    std::istringstream lines(text.value());
    std::string line;
    if (!std::getline(lines, line) || line != key_) continue;
    std::vector<KeptKnob> knobs;
    while (std::getline(lines, line)) {
      if (!ParseLine(line, &knobs.emplace_back())) return {};
    }
    return knobs;
  }
  return {};
}

void KnobFile::Write(const std::vector<KeptKnob>& knobs) const {
  std::string text = key_ + "\n";
  for (const KeptKnob& knob : knobs) {
    text += fmt::format("{} {}", knob.name, knob.value);
    for (const TriedValue& v : knob.values) {
      if (v.times > 0) text += fmt::format(" {}/{}:{:.4f}", v.value, v.against, v.ratio);
    }
    text += "\n";
  }
  for (const std::string& path : paths_) {
    if (WriteFileAtomic(path, text).ok()) return;
  }
}

}  // namespace tern
