#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/quantum/noise.hpp"

/// Batches of tiny noisy circuits: one template, many sets of angles, exact expectation values.
///
/// compile() follows each observable backwards through the noisy circuit in the Pauli basis (Heisenberg's
/// picture) or all Pauli strings forwards (Schroedinger's), whichever is shorter, and keeps a straight-line
/// program of real multiplications and additions: Clifford gates are renamings, Pauli channels constants,
/// everything that does not depend on a parameter is evaluated once, the noise among them: a program belongs
/// to one noise scale, and several scales take one program each, of noise.scaled(scale). Strings that no
/// state of the circuit reaches, or no observable asks for, are never computed. run() evaluates the program
/// for 32 circuits at a time across SIMD lanes.
namespace nonideal::quantum {

/// A Pauli string with its coefficient; bit q of `x` and `z` set together means Y on qubit q.
struct PauliTerm {
  double coefficient = 1.0;
  std::uint64_t x = 0;
  std::uint64_t z = 0;
};

/// A sum of Pauli strings; measured as a whole: one output of a program.
using Observable = std::vector<PauliTerm>;

struct CompileOptions {
  /// Longer programs are refused, and circuits that take much longer to compile than such a program would; a
  /// density matrix is faster then.
  std::int64_t max_instructions = 200'000;
  /// So many instructions at the start of the circuit have no noise.
  std::size_t noiseless_instructions = 0;
};

/// An immutable compiled batch; threads may share it.
class NONIDEAL_API Program {
 public:
  Program(const Program&);
  Program(Program&&) noexcept;
  Program& operator=(const Program&);
  Program& operator=(Program&&) noexcept;
  ~Program();

  int n_parameters() const;
  int n_outputs() const;
  /// Arithmetic instructions per circuit, each on one or two numbers.
  std::int64_t instruction_count() const;

  struct Code;  // private to the library
  explicit Program(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
  const Code& code() const { return *code_; }

 private:
  std::shared_ptr<const Code> code_;
};

/// Throws InvalidArgument for an observable with a coefficient that is not finite or a string beyond the
/// circuit's qubits, and where more than options.max_instructions would be needed. Readout errors of the
/// model are not applied: they belong to a measurement, not to an observable.
NONIDEAL_API Program compile(const Circuit& circuit, const NoiseModel& noise,
                             std::span<const Observable> observables, const CompileOptions& options = {});

/// Evaluates the program: out[i * n_outputs + o] for circuit i with angles from parameters[i * n_parameters +
/// ...]. `num_threads` 0 means the default. Cost: about instruction_count() vector operations per 8 circuits.
/// Bitwise the same for every instruction set, thread count and division of the batch (sines and cosines are
/// the library's own, to 1e-15). Throws InvalidArgument for spans of the wrong size and parameters that are
/// not finite.
NONIDEAL_API void run(const Program& program, std::span<const double> parameters, std::span<double> out,
                      int num_threads = 0);

}  // namespace nonideal::quantum
