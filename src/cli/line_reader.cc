#include "cli/line_reader.h"

#include <histedit.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <iostream>

#include "cli/interrupt.h"

namespace tern {

struct LineReader::Editor {
  EditLine* line = nullptr;
  History* history = nullptr;
  std::string prompt;
};

namespace {

char* Prompt(EditLine* line) {
  void* data = nullptr;
  el_get(line, EL_CLIENTDATA, &data);
  return static_cast<std::string*>(data)->data();
}

}  // namespace

LineReader::LineReader(std::string prompt) : prompt_(std::move(prompt)) {
  if (!isatty(STDIN_FILENO)) return;
  std::setlocale(LC_CTYPE, "");  // libedit edits whole characters
  editor_ = std::make_unique<Editor>();
  editor_->line = el_init("tern", stdin, stdout, stderr);
  editor_->history = history_init();
  HistEvent event;
  history(editor_->history, &event, H_SETSIZE, 1000);
  el_set(editor_->line, EL_CLIENTDATA, &editor_->prompt);
  el_set(editor_->line, EL_PROMPT, Prompt);
  el_set(editor_->line, EL_EDITOR, "emacs");
  el_set(editor_->line, EL_HIST, history, editor_->history);
  el_set(editor_->line, EL_SIGNAL, 0);
}

LineReader::~LineReader() {
  if (editor_ == nullptr) return;
  history_end(editor_->history);
  el_end(editor_->line);
}

std::optional<std::string> LineReader::ReadLine(const std::string& prompt) {
  std::string text;
  if (editor_ == nullptr) {
    if (!std::getline(std::cin, text)) return std::nullopt;
    return text;
  }
  editor_->prompt = prompt;
  el_resize(editor_->line);  // the window may have changed since the last line
  // libedit shows the prompt and only then takes the terminal over: what is typed in between would be edited
  // by the terminal.
  el_set(editor_->line, EL_PREP_TERM, 1);
  const InterruptScope scope;
  int count = 0;
  const char* got = el_gets(editor_->line, &count);
  if (Interrupted()) {
    std::fputs("\n(/bye or Ctrl-D leaves)\n", stdout);
    el_reset(editor_->line);
    return "";
  }
  if (got == nullptr || count <= 0) return std::nullopt;
  text.assign(got, static_cast<size_t>(count));
  if (text.back() == '\n') text.pop_back();
  if (!text.empty()) {
    HistEvent event;
    history(editor_->history, &event, H_ENTER, text.c_str());
  }
  return text;
}

std::optional<std::string> LineReader::Read() {
  std::optional<std::string> line = ReadLine(prompt_);
  if (!line) return std::nullopt;
  if (*line == "\"\"\"") {
    std::string block;
    while ((line = ReadLine(". ")) && *line != "\"\"\"") block += (block.empty() ? "" : "\n") + *line;
    return block;
  }
  std::string text = *line;
  while (!text.empty() && text.back() == '\\') {
    text.back() = '\n';
    line = ReadLine(". ");
    if (!line) break;
    text += *line;
  }
  return text;
}

}  // namespace tern
