#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/terminal.h"

namespace tern {
namespace {

constexpr size_t kHelpColumns = 96, kMaxLeft = 28;

std::string Heading(int fd, std::string_view text) { return Styled(fd, Style::kBold, text) + "\n"; }

// `text` broken at spaces to fit beside an indent of `left` columns.
std::string Wrapped(std::string_view text, size_t left) {
  std::string out;
  size_t column = left;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (column > left && column + 1 + Columns(word) > kHelpColumns) {
      out += "\n" + std::string(left, ' ');
      column = left;
    } else if (column > left) {
      out += ' ';
      ++column;
    }
    out += word;
    column += Columns(word);
    begin = end + 1;
  }
  return out;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

// Rows of a name and what it is, the second column aligned.
std::string Table(int fd, const Rows& rows) {
  size_t left = 0;
  for (const auto& [name, what] : rows) left = std::max(left, std::min(Columns(name), kMaxLeft));
  std::string out;
  for (const auto& [name, what] : rows) {
    const size_t used = Columns(name);
    const std::string gap =
        used > left ? "\n" + std::string(left + 4, ' ') : std::string(left + 2 - used, ' ');
    out += "  " + Styled(fd, Style::kCyan, name) + gap + Wrapped(what, left + 4) + "\n";
  }
  return out;
}

std::string Spelled(const ArgumentInfo& info) {
  if (info.positional) return info.names;
  std::string text;
  for (const char c : info.names) text += c == ',' ? std::string(", ") : std::string(1, c);
  if (text.starts_with("--")) text = "    " + text;
  return info.value_name.empty() ? text : text + " " + info.value_name;
}

std::string Explained(const ArgumentInfo& info) {
  std::string text = info.help;
  if (!info.choices.empty()) {
    std::string list;
    for (const std::string& choice : info.choices) list += (list.empty() ? "" : ", ") + choice;
    text += "; one of " + list;
  }
  if (!info.default_value.empty()) text += " (default " + info.default_value + ")";
  return text;
}

std::string Usage(const CommandDesc& command, const Arguments& args) {
  std::string usage = fmt::format("tern {} [OPTIONS]", command.name);
  for (const ArgumentInfo& info : args.infos()) {
    if (!info.positional && info.required) {
      usage += fmt::format(" {} {}", info.names.substr(info.names.rfind(',') + 1), info.value_name);
    }
  }
  for (const ArgumentInfo& info : args.infos()) {
    if (!info.positional) continue;
    const std::string name = info.names + (info.repeats ? "..." : "");
    usage += info.required ? " " + name : " [" + name + "]";
  }
  return usage;
}

}  // namespace

std::string MainHelp(int fd) {
  Rows rows;
  for (const CommandDesc* command : AllCommands()) {
    if (!command->hidden) rows.emplace_back(command->name, command->summary);
  }
  return Heading(fd, "tern: large language models, small and fast") +
         "\nUsage: tern COMMAND [OPTIONS] ...\n\n" + Heading(fd, "Commands:") + Table(fd, rows) +
         "\nEach command explains itself: tern COMMAND --help\n";
}

std::string CommandHelp(const CommandDesc& command, const Arguments& args) {
  Rows positionals;
  std::vector<std::pair<std::string, Rows>> sections = {{"Options", {}}};
  for (const ArgumentInfo& info : args.infos()) {
    const std::string title = info.section.empty() ? "Options" : info.section;
    auto at = std::find_if(sections.begin(), sections.end(), [&](const auto& s) { return s.first == title; });
    if (at == sections.end()) at = sections.insert(at, {title, {}});
    (info.positional ? positionals : at->second).emplace_back(Spelled(info), Explained(info));
  }
  sections[0].second.emplace_back("-h, --help", "print this help");
  std::string out = Heading(1, fmt::format("tern {}: {}", command.name, command.summary));
  out += "\nUsage: " + Usage(command, args) + "\n";
  if (!positionals.empty()) out += "\n" + Heading(1, "Arguments:") + Table(1, positionals);
  for (const auto& [title, rows] : sections) out += "\n" + Heading(1, title + ":") + Table(1, rows);
  if (command.example.empty()) return out;
  out += "\n" + Heading(1, "Example:");
  for (std::string_view rest = command.example; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    out += fmt::format("  {}\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

}  // namespace tern
