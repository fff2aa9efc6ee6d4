#include "cli/dispatch.h"

int main(int argc, char** argv) { return tern::Dispatch(argc, argv); }
