#pragma once
// LineReader: input a person types, with editing and history on a terminal, plain lines otherwise. A line
// that ends with a backslash goes on; a line that is """ starts a block that the next """ ends.

#include <memory>
#include <optional>
#include <string>

namespace tern {

class LineReader {
 public:
  explicit LineReader(std::string prompt);
  ~LineReader();
  // The next input; nullopt at its end. Ctrl-C gives an empty input.
  std::optional<std::string> Read();

 private:
  std::optional<std::string> ReadLine(const std::string& prompt);
  struct Editor;
  std::string prompt_;
  std::unique_ptr<Editor> editor_;  // null: not a terminal
};

}  // namespace tern
