#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>

#include "base/check.hpp"
#include "nonideal/quantum/sampling.hpp"
#include "quantum/code.hpp"
#include "quantum/distance_circuit.hpp"
#include "quantum/distance_code.hpp"

/// A program for every noise scale, and where its angles come from.
namespace nonideal::quantum {

DistanceProgram::DistanceProgram(int dimension, const DistanceOptions& options) {
  detail::expect_within("dimension", dimension, 1, kMaxDimension);
  detail::expect_within("shots", options.shots, 0, kMaxShots);
  auto code = std::make_shared<Code>();
  code->dimension = dimension;
  code->data_qubits = data_qubits_of(dimension);
  code->method = options.method;
  code->shots = options.shots;

  // The template: parameter p of the tree is gate p's angle; the swap test's own comes last.
  const int tree = angles_of_tree(1 + code->data_qubits);
  std::vector<Angle> angles;
  for (int p = 0; p < tree; ++p) angles.emplace_back(p, 1.0);
  if (options.method != DistanceMethod::hadamard)
    angles[0] = Angle(std::numbers::pi / 2);  // both halves have norm 1
  const Template made = make_circuit(options.method, code->data_qubits, angles, Angle(tree, 1.0));
  code->n_qubits = made.circuit.n_qubits();
  const std::size_t noiseless = options.noisy_preparation ? 0 : made.preparation;

  const ReadoutError readout = options.noise.readout(0);
  if (options.readout_mitigation) {
    code->read_base = readout.p1_given_0;
    code->read_slope = 1.0 - readout.p0_given_1 - readout.p1_given_0;
    if (std::abs(code->read_slope) < 1e-9) {
      throw InvalidArgument("readout_mitigation: p0_given_1 + p1_given_0 = 1 leaves nothing to read");
    }
  }

  // One circuit and one noise model per scale.
  std::vector<std::pair<Circuit, NoiseModel>> jobs;
  if (!options.mitigation) {
    jobs.emplace_back(made.circuit, options.noise);
    code->scales = {1.0};
    code->weights = {1.0};
  } else {
    const Mitigation& mitigation = *options.mitigation;
    check(mitigation.extrapolator, mitigation.scales);
    code->scales = mitigation.scales;
    code->extrapolator = mitigation.extrapolator;
    // A reading is a straight line of P(1). So are the curves: fitting what was read and undoing the reading
    // at the end is the same as undoing it first, with asymptote and bounds as they are read.
    Extrapolator& read = *code->extrapolator;
    const auto as_read = [&](double p) { return code->read_base + code->read_slope * p; };
    if (read.asymptote) read.asymptote = as_read(*read.asymptote);
    if (std::isfinite(read.lowest) && std::isfinite(read.highest)) {
      std::tie(read.lowest, read.highest) = std::minmax({as_read(read.lowest), as_read(read.highest)});
    }
    // The part that has noise, which is what is folded.
    Circuit head(code->n_qubits), tail(code->n_qubits);
    for (std::size_t i = 0; i < made.circuit.instructions().size(); ++i) {
      (i < noiseless ? head : tail).append(made.circuit, made.circuit.instructions()[i]);
    }
    const std::string obstacle =
        channel_obstacle(tail, options.noise, mitigation.scales, mitigation.fold, mitigation.fold_gates);
    if (mitigation.realization == Realization::channel && !obstacle.empty()) {
      throw InvalidArgument("realization = 'channel' is not exact: " + obstacle);
    }
    const bool powers = mitigation.realization != Realization::circuit && obstacle.empty();
    code->realization = powers ? Realization::channel : Realization::circuit;
    if (!powers) {
      code->scales = realized_scales(tail, mitigation.scales, mitigation.fold, mitigation.fold_gates);
    }
    for (const double scale : mitigation.scales) {
      if (powers) {
        jobs.emplace_back(made.circuit, options.noise.scaled(scale, tail));
      } else {
        Circuit circuit = head;
        circuit.compose(folded(tail, scale, mitigation.fold, mitigation.fold_seed, mitigation.fold_gates));
        jobs.emplace_back(std::move(circuit), options.noise);
      }
    }
    using Kind = Extrapolator::Kind;
    const Kind kind = mitigation.extrapolator.kind;
    const bool linear = kind == Kind::linear || kind == Kind::polynomial || kind == Kind::richardson;
    const bool exact_fit = n_parameters(mitigation.extrapolator, static_cast<int>(code->scales.size())) ==
                           static_cast<int>(code->scales.size());
    if (linear && (options.shots == 0 || exact_fit)) {  // weights of the shots change nothing
      code->weights = linear_weights(mitigation.extrapolator, code->scales);
    }
  }

  const std::vector<Observable> z0 = {{{1.0, 0, 1}}};
  CompileOptions compile_options;
  compile_options.max_instructions = 10'000'000;
  compile_options.noiseless_instructions = noiseless;
  for (const auto& [circuit, noise] : jobs) {
    code->programs.push_back(compile(circuit, noise, z0, compile_options));
    const Program::Code& program = code->programs.back().code();
    std::vector<kernels::Fill> fills;
    for (std::size_t slot = 0; slot < program.slots.size(); ++slot) {
      const Angle& angle = program.slots[slot];
      kernels::Fill fill{static_cast<std::int32_t>(slot), -1, 1.0, angle.factor};
      if (angle.parameter > 0 && angle.parameter < tree) {
        // Gate i of level k: Walsh index and the sign of the point from the Gray code of i.
        const auto gate = static_cast<unsigned>(angle.parameter);
        const int level = std::bit_width(gate + 1) - 1;
        const unsigned i = gate + 1 - (1u << level), gray = i ^ (i >> 1), blocks = 1u << (level - 1);
        fill.source = static_cast<std::int32_t>(blocks - 1 + (gray & (blocks - 1)));
        fill.point = (gray & blocks) != 0 ? -1.0 : 1.0;
      }
      fills.push_back(fill);
    }
    code->fills.push_back(std::move(fills));
    code->n_registers = std::max(code->n_registers, program.n_registers);
  }
  for (std::size_t s = 0; s < code->programs.size(); ++s) {
    const Program::Code& program = code->programs[s].code();
    const Program::Code::Output& output = program.outputs[0];
    // P(1) = (1 - z) / 2, then what the readout makes of it.
    const double slope = 1.0 - readout.p0_given_1 - readout.p1_given_0;
    const bool again = s > 0 && program.slots == code->programs[s - 1].code().slots;
    code->scale_codes.push_back(
        {code->fills[s].data(), again ? 0 : static_cast<std::int64_t>(code->fills[s].size()),
         program.steps.data(), static_cast<std::int64_t>(program.steps.size()),
         readout.p1_given_0 + slope * 0.5 * (1.0 - output.base), -0.5 * slope * output.factor, output.at});
  }
  code_ = std::move(code);
}

DistanceProgram::DistanceProgram(const DistanceProgram&) = default;
DistanceProgram::DistanceProgram(DistanceProgram&&) noexcept = default;
DistanceProgram& DistanceProgram::operator=(const DistanceProgram&) = default;
DistanceProgram& DistanceProgram::operator=(DistanceProgram&&) noexcept = default;
DistanceProgram::~DistanceProgram() = default;

int DistanceProgram::n_qubits() const { return code_->n_qubits; }
Realization DistanceProgram::realization() const { return code_->realization; }
std::int64_t DistanceProgram::instruction_count() const {
  std::int64_t sum = 0;
  for (const Program& program : code_->programs) sum += program.instruction_count();
  return sum;
}

}  // namespace nonideal::quantum
