#pragma once
// StepReport: where the time of a step of the engine went, from its profiles: a tree whose leaves are nodes
// of the graph and whose times add up to the step's.
//
// A stage's time is from barrier to barrier; its nodes share it in the proportion of the time that all
// threads spent in their kernels. Within it, what is not kernels is waiting: barriers, an uneven end, or
// threads for which there was no task.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/node_work.h"

namespace tern {

// One step of the engine, from outside. Nanoseconds of the steady clock.
struct EngineStep {
  StepProfile profile;
  int64_t begin = 0, end = 0;
  int64_t sample_ns = 0;  // from logits to tokens
  int64_t text_ns = 0;    // from tokens to text
  int64_t ns() const { return end - begin; }
};

struct ReportNode {
  std::string name;
  std::string op = {};  // of the nodes in it, if they have one in common
  int nodes = 0;        // of the graph
  double us = 0;
  double wait_us = 0;  // of that: what threads waited, averaged over them
  NodeWork work = {};
  std::vector<ReportNode> children = {};
};

// What all the waiting was for. Averages over threads, in microseconds.
struct IdleTime {
  double serial_us = 0;   // one thread had tasks, the others had none
  double uneven_us = 0;   // all had, and were done one before the other
  double barrier_us = 0;  // from the last one's being done to each one's going on, the start included
  double us() const { return serial_us + uneven_us + barrier_us; }
};

struct ThreadTime {
  double busy_us = 0, wait_us = 0;
};

struct StepReport {
  // step -> outside kernels, input, layers, output -> kinds of node -> nodes
  ReportNode step;
  double outside_us = 0;  // scheduling, counting tasks, sampling, text
  int stages = 0;         // with tasks, and so barriers
  IdleTime idle;
  std::vector<ThreadTime> threads;
  std::vector<ReportNode> ops;    // by op, the most expensive first
  std::vector<ReportNode> nodes;  // each node, the most expensive first
};

// The steps whose time is in the middle half: others were disturbed, or lucky. Ascending by time.
std::vector<const EngineStep*> MiddleHalf(std::span<const EngineStep> steps);

// Of at least one step; all of one shape. `context.step` is not used.
StepReport MakeStepReport(std::span<const EngineStep* const> steps, const PlanLayout& layout,
                          const WorkContext& context);

// "attention", "linear attn_q+attn_k+attn_v": a node without its layer.
std::string KindOf(const Graph& graph, const Node& node);

}  // namespace tern
