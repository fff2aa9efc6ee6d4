#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/command.h"

namespace tern {
namespace {

// Each script asks `tern complete WORDS...`: one line per word, with a tab and what it is; the line ":files"
// where a path may stand too.

// A ':' ends a word for bash and for nobody else: words are taken from the line, and what stands before the
// last
// ':' is cut from the answers.
constexpr const char* kBash = R"(_tern() {
  local line="${COMP_LINE:0:COMP_POINT}" words word summary cut
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  local typed="${words[-1]}"
  cut="${typed%"${typed##*:}"}"
  COMPREPLY=()
  while IFS=$'\t' read -r word summary; do
    if [[ "$word" == ":files" ]]; then
      compopt -o default 2> /dev/null
    else
      COMPREPLY+=("${word#"$cut"}")
    fi
  done < <(tern complete -- "${words[@]:1}" 2> /dev/null)
}
complete -F _tern tern
)";

constexpr const char* kZsh = R"(#compdef tern
_tern() {
  local -a found
  local word summary files=0
  while IFS=$'\t' read -r word summary; do
    if [[ "$word" == ":files" ]]; then
      files=1
    else
      found+=("${word//:/\\:}:$summary")
    fi
  done < <(tern complete -- "${(@)words[2,CURRENT]}" 2> /dev/null)
  (( ${#found} )) && _describe 'tern' found
  (( files )) && _files
}
compdef _tern tern
)";

constexpr const char* kFish = R"(function __tern_words
  set -l words (commandline -opc) (commandline -ct)
  for line in (tern complete -- $words[2..-1] 2> /dev/null)
    if test "$line" = ":files"
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c tern -f -a '(__tern_words)'
)";

void Setup(Arguments& args) {
  auto shell = std::make_shared<std::string>();
  args.Option("SHELL", shell.get(), "whose script").Required().Choices({"bash", "fish", "zsh"});
  args.Run([shell]() -> Status {
    const char* script = *shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish;
    fmt::print("{}", script);
    return {};
  });
}

}  // namespace

extern const CommandDesc k_command_completion;
const CommandDesc k_command_completion = {
    .name = "completion",
    .summary = "print a script that lets a shell complete tern's commands and options",
    .example =
        "source <(tern completion bash)\n"
        "tern completion zsh > ~/.zfunc/_tern\n"
        "tern completion fish > ~/.config/fish/completions/tern.fish",
    .setup = Setup,
};

}  // namespace tern
