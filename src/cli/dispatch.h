#pragma once
// The frame of `tern <command>`: finds the command, parses, runs, prints help and errors, picks the exit
// code.

namespace tern {

int Dispatch(int argc, char** argv);

}  // namespace tern
