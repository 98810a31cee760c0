#include "nonideal/quantum/program.hpp"

#include <cmath>
#include <numbers>

#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/threads.hpp"
#include "quantum/angle.hpp"
#include "quantum/code.hpp"

namespace nonideal::quantum {

Program::Program(const Program&) = default;
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(const Program&) = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

int Program::n_parameters() const { return code_->n_parameters; }
int Program::n_outputs() const { return static_cast<int>(code_->outputs.size()); }
std::int64_t Program::instruction_count() const { return static_cast<std::int64_t>(code_->steps.size()); }

namespace {

/// Angles beyond a million radian lose digits in the kernel; whole turns are taken off before.
double within_reach(double angle) {
  if (std::abs(angle) <= 1e6) return angle;
  constexpr double kTurn = 2.0 * std::numbers::pi, kRest = 2.4492935982947064e-16;  // 2 pi is their sum
  const double part = std::remainder(angle, kTurn);
  return part - std::round((angle - part) / kTurn) * kRest;
}

}  // namespace

void run(const Program& program, std::span<const double> parameters, std::span<double> out, int num_threads) {
  const Program::Code& code = program.code();
  const auto n_outputs = code.outputs.size();
  const auto width = static_cast<std::size_t>(code.n_parameters);
  const auto n_circuits = static_cast<std::int64_t>(out.size() / n_outputs);
  if (out.size() % n_outputs != 0) {
    throw InvalidArgument("out: " + std::to_string(out.size()) + " numbers are no multiple of " +
                          std::to_string(n_outputs) + " outputs");
  }
  detail::expect_count("parameters", "numbers", static_cast<std::int64_t>(parameters.size()),
                       n_circuits * code.n_parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!std::isfinite(parameters[i])) {
      throw InvalidArgument(detail::bracketed("parameters", static_cast<std::int64_t>(i)) + " = " +
                            detail::shortest(parameters[i]) + " is not finite");
    }
  }
  const auto run_block = NONIDEAL_PICK(quantum, run_block);
  const auto turn = NONIDEAL_PICK(quantum, turn);
  constexpr std::int64_t kLanes = kernels::kLanes;
  const auto n_slots = code.slots.size();
  const auto instructions = static_cast<std::int64_t>(code.steps.size() + 8 * n_slots + 1);
  const int threads = resolve_threads(num_threads, n_circuits * instructions, 200'000);
  detail::for_blocks(n_circuits, 64 * kLanes, threads, [&](std::int64_t begin, std::int64_t end) {
    // One allocation per 2,048 circuits.
    const std::size_t numbers = (n_slots + static_cast<std::size_t>(code.n_registers)) * kLanes;
    struct alignas(64) Line {
      double values[8];
    };
    std::vector<Line> memory(numbers / 8);
    double* const registers = memory.data()->values;
    double* const angles = registers + static_cast<std::size_t>(code.n_registers) * kLanes;
    for (std::int64_t first = begin; first < end; first += kLanes) {
      const auto lanes = static_cast<std::size_t>(std::min(kLanes, end - first));
      for (std::size_t s = 0; s < n_slots; ++s) {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          const std::size_t row = static_cast<std::size_t>(first) + lane;
          const double angle = code.slots[s].value(parameters.subspan(row * width, width));
          if (!allowed_angle(angle)) {
            refuse_angle("parameters: an angle of circuit " + std::to_string(row), angle);
          }
          angles[s * kLanes + lane] = within_reach(angle);
        }
      }
      turn({angles, static_cast<int>(n_slots), registers});
      run_block({code.steps.data(), static_cast<std::int64_t>(code.steps.size()), registers});
      for (std::size_t o = 0; o < n_outputs; ++o) {
        const Program::Code::Output& output = code.outputs[o];
        const double* const from = registers + static_cast<std::size_t>(output.at) * kLanes;
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          double value = output.base;
          if (output.factor != 0.0) value += output.factor * from[lane];
          out[(static_cast<std::size_t>(first) + lane) * n_outputs + o] = value;
        }
      }
    }
  });
}

}  // namespace nonideal::quantum
