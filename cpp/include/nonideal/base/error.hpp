#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "nonideal/base/export.hpp"

namespace nonideal {

// The classes are visible and have out-of-line destructors: their type information must be one object across
// shared libraries, or a handler in the host would not recognise them. They are visible in static builds too,
// because a static archive may end up in several shared objects of one process.
#define NONIDEAL_ERROR __attribute__((visibility("default")))

/// An argument is outside what the function allows. The text names argument, value and allowed range.
class NONIDEAL_ERROR InvalidArgument : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
  InvalidArgument(const InvalidArgument&) = default;
  InvalidArgument& operator=(const InvalidArgument&) = default;
  ~InvalidArgument() override;
};

/// A computation left the range in which its result can be trusted.
class NONIDEAL_ERROR NumericalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  NumericalError(const NumericalError&) = default;
  NumericalError& operator=(const NumericalError&) = default;
  ~NumericalError() override;
};

/// An iteration did not converge; `history` holds the residual of every iteration.
class NONIDEAL_ERROR ConvergenceError : public NumericalError {
 public:
  ConvergenceError(const std::string& message, std::vector<double> residuals);
  ConvergenceError(const ConvergenceError&) = default;
  ConvergenceError& operator=(const ConvergenceError&) = default;
  ~ConvergenceError() override;

  std::vector<double> history;
};

#undef NONIDEAL_ERROR

}  // namespace nonideal
