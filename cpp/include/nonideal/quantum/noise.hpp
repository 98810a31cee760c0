#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/quantum/circuit.hpp"

/// Channels and noise models. A channel acts after a gate, on the gate's own qubits.
namespace nonideal::quantum {

/// What the number `p` of a depolarising channel means; the library named uses it so.
enum class Convention {
  qiskit,     ///< every non-identity Pauli shrinks by 1 - p, joint over both qubits of a gate
  qpanda,     ///< the same by definition (QPanda 2)
  pyqpanda3,  ///< a product: every non-identity factor shrinks by 1 - p
  cirq,       ///< p is the total probability of a Pauli error: shrinks by 1 - p 4^n / (4^n - 1)
};

/// A completely positive, trace-preserving map on 1 to 3 qubits, as its real Pauli transfer matrix:
/// row-major, 4^n x 4^n, two bits of the index per qubit, first qubit lowest, 0 to 3 for I, X, Y, Z.
class NONIDEAL_API Channel {
 public:
  /// Throws InvalidArgument unless the map preserves the trace (first row 1, 0, ..., to 1e-8) and is
  /// completely positive (Choi matrix without eigenvalue below -1e-8).
  static Channel from_pauli_transfer_matrix(std::vector<double> matrix);
  /// Throws InvalidArgument unless sum K^dagger K = 1 to 1e-8.
  static Channel kraus(std::span<const Matrix> operators);
  static Channel identity(int n_qubits);
  /// Throws InvalidArgument where p is outside [0, the convention's largest completely positive value].
  static Channel depolarizing(double p, int n_qubits = 1, Convention convention = Convention::qiskit);
  /// Each Pauli string (first character: LAST qubit, as in Qiskit's labels) with its probability; the rest of
  /// the probability is the identity's.
  static Channel pauli(std::span<const std::pair<std::string, double>> probabilities);
  static Channel amplitude_damping(double gamma);
  static Channel phase_damping(double lambda);
  /// Times in second; t2 <= 2 t1. Infinite t1 and t2 are allowed.
  static Channel thermal_relaxation(double t1, double t2, double gate_time);

  int n_qubits() const { return n_qubits_; }
  std::span<const double> pauli_transfer_matrix() const { return matrix_; }
  /// This channel, then the other one.
  Channel then(const Channel& other) const;
  /// This channel on the first qubits, the other one on the following.
  Channel tensor(const Channel& other) const;
  /// The channel applied `scale` times. A diagonal (Pauli) channel takes any real scale >= 0 for which the
  /// result is completely positive; others whole numbers only. Throws InvalidArgument otherwise.
  Channel power(double scale) const;
  bool diagonal() const;

 private:
  Channel(int n_qubits, std::vector<double> matrix) : n_qubits_(n_qubits), matrix_(std::move(matrix)) {}
  int n_qubits_;
  std::vector<double> matrix_;
};

/// Probabilities of reading the other value.
struct ReadoutError {
  double p0_given_1 = 0.0;
  double p1_given_0 = 0.0;
};

/// Which channel follows which gate. An entry for certain qubits wins over one for all qubits; a second entry
/// for the same gate and qubits is composed with the first.
class NONIDEAL_API NoiseModel {
 public:
  NoiseModel() = default;
  /// One channel after every gate on one qubit, one after every gate on two. Gates on more are refused where
  /// the model is applied.
  static NoiseModel depolarizing(double p1, double p2, Convention convention = Convention::qiskit);

  /// Throws InvalidArgument where the channel's size is not the gate's, or the qubits' number isn't, and for
  /// a qubit that is out of range or named twice.
  NoiseModel& add(const Channel& channel, Gate gate, std::optional<std::vector<int>> qubits = std::nullopt);
  /// One channel after every gate on one qubit and one after every gate on two that have none of their own,
  /// as depolarizing() does. Throws InvalidArgument where the channels are not on one and two qubits.
  NoiseModel& set_uniform(const Channel& one, const Channel& two);
  /// Throws InvalidArgument where a probability is outside [0, 1].
  NoiseModel& add_readout(ReadoutError error, std::optional<int> qubit = std::nullopt);

  /// The channel behind this instruction, or nullptr. Throws InvalidArgument for a gate on three or more
  /// qubits under a model of depolarizing().
  const Channel* find(const Instruction& instruction) const;
  ReadoutError readout(int qubit) const;
  bool has_readout() const { return !readout_.empty(); }
  /// No channel and no readout error.
  bool empty() const { return channels_.empty() && readout_.empty() && !uniform_; }
  /// Every channel to the power `factor`; readout errors stay. Throws InvalidArgument where a power does not
  /// exist.
  NoiseModel scaled(double factor) const;
  /// The same for the channels alone that act in this circuit; the others stay as they are, and may have no
  /// such power.
  NoiseModel scaled(double factor, const Circuit& circuit) const;

  struct Entry {
    Gate gate;
    std::vector<int> qubits;  ///< empty: all
    Channel channel;
  };
  /// In the order of first addition.
  std::span<const Entry> entries() const { return channels_; }
  /// The channels of depolarizing(), for gates on one and on two qubits.
  const std::optional<std::pair<Channel, Channel>>& uniform() const { return uniform_; }
  /// Readout errors by qubit; -1 stands for all others.
  const std::map<int, ReadoutError>& readouts() const { return readout_; }

 private:
  std::vector<Entry> channels_;
  std::optional<std::pair<Channel, Channel>> uniform_;
  std::map<int, ReadoutError> readout_;
};

/// Whether channel and gate may change places, for every value of the gate's angles: |C G - G C| <= 1e-12 in
/// the Pauli transfer matrices. `matrix` is that of a unitary.
NONIDEAL_API bool commutes(const Channel& channel, Gate gate, const Matrix* matrix = nullptr);

/// Why folding every gate is not the same as a power of every channel: names the first gate whose channel
/// does not commute with it or is not the inverse gate's too. Empty where it is the same.
NONIDEAL_API std::string power_obstacle(const Circuit& circuit, const NoiseModel& noise);

}  // namespace nonideal::quantum
