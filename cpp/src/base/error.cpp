#include "nonideal/base/error.hpp"

#include <utility>

namespace nonideal {

InvalidArgument::~InvalidArgument() = default;
NumericalError::~NumericalError() = default;
ConvergenceError::ConvergenceError(const std::string& message, std::vector<double> residuals)
    : NumericalError(message), history(std::move(residuals)) {}
ConvergenceError::~ConvergenceError() = default;

}  // namespace nonideal
