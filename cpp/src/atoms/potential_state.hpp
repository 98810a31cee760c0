#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "atoms/evaluation.hpp"
#include "nonideal/atoms/potential.hpp"

namespace nonideal::atoms {

/// The network in one precision, and evaluations with their memory that wait for the next call.
template <class T>
class Engine {
 public:
  Engine(const detail::Model& model, bool tabulate, int knots) : network(model, tabulate, knots) {}

  std::unique_ptr<detail::Evaluation<T>> take() const {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<detail::Evaluation<T>>(network);
    auto evaluation = std::move(idle_.back());
    idle_.pop_back();
    return evaluation;
  }

  void give_back(std::unique_ptr<detail::Evaluation<T>> evaluation) const {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(evaluation));
  }

  const detail::Network<T> network;

 private:
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<detail::Evaluation<T>>> idle_;
};

struct Potential::State {
  State(detail::Model given, const PotentialOptions& wanted);

  /// Rows of the embedding of these atoms. Throws InvalidArgument for atoms that have none.
  std::vector<std::int32_t> rows(std::span<const std::int32_t> numbers) const;

  detail::Model model;  ///< without its tensors
  PotentialOptions options;
  std::string variant;
  std::vector<std::int32_t> row_of_number;
  std::optional<Engine<float>> single;
  std::optional<Engine<double>> twice;
};

}  // namespace nonideal::atoms
