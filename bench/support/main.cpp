#include "bench/support/measured.h"

namespace icingest::bench {
namespace {

bool refused = false;

}  // namespace

void refuse(benchmark::State& state, const std::string& why) {
  refused = true;
  state.SkipWithError(why.c_str());
}

bool anything_refused() { return refused; }

}  // namespace icingest::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return icingest::bench::anything_refused() ? 1 : 0;
}
