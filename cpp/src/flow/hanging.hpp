#pragma once

#include "nonideal/flow/mesh.hpp"

namespace nonideal::flow {

/// Throws InvalidArgument where cells do not fit together though they share no facet: a vertex of the
/// boundary lies within a straight facet of it, or (3-D) an edge of the boundary runs through one.
template <int Dim>
void check_hanging(const MeshView& mesh, const Boundary& outer);

}  // namespace nonideal::flow
