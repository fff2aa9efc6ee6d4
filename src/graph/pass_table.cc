#include <fmt/format.h>

#include <string>

#include "graph/pass.h"

namespace tern {
namespace {

std::string Change(size_t before, size_t after) { return fmt::format("{} -> {}", before, after); }

std::string Kib(size_t bytes) { return fmt::format("{:.0f}", static_cast<double>(bytes) / 1024); }

}  // namespace

std::string PassTable(std::span<const PassReport> reports) {
  std::string text =
      fmt::format("{:<22} {:>8} {:>15} {:>10} {:>20}\n", "pass", "changes", "nodes", "us", "arena KiB");
  for (const PassReport& r : reports) {
    const std::string changes = r.disabled ? "off" : fmt::format("{}", r.changes);
    const std::string arena = r.arena_before == 0 ? "-" : Kib(r.arena_before) + " -> " + Kib(r.arena_after);
    text += fmt::format("{:<22} {:>8} {:>15} {:>10.1f} {:>20}\n", r.name, changes,
                        Change(r.nodes_before, r.nodes_after), r.micros, arena);
  }
  return text;
}

// Names are ours (a-z and _), so nothing needs escaping.
std::string PassTableJson(std::span<const PassReport> reports) {
  std::string text = "[";
  for (const PassReport& r : reports) {
    text += fmt::format(
        "{}{{\"pass\": \"{}\", \"disabled\": {}, \"changes\": {}, \"nodes_before\": {}, \"nodes_after\": {}, "
        "\"micros\": {:.1f}, \"arena_bytes_before\": {}, \"arena_bytes_after\": {}}}",
        text.size() == 1 ? "" : ", ", r.name, r.disabled, r.changes, r.nodes_before, r.nodes_after, r.micros,
        r.arena_before, r.arena_after);
  }
  return text + "]";
}

}  // namespace tern
