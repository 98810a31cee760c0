"""The homogenised stiffness of a periodic cell by scikit-fem's own elasticity and a dense matrix; bounds."""

import numpy as np
import skfem
from skfem.helpers import ddot, sym_grad
from skfem.models.elasticity import lame_parameters, linear_stress


def stiffness(nodes, elements, moduli):
    """(3, 3) Mandel, for (n_elements, 2) Young's moduli and Poisson's ratios on the unit square."""
    mesh = skfem.MeshQuad(nodes.T.copy(), elements.T.copy(), sort_t=False)
    basis = skfem.Basis(mesh, skfem.ElementVector(skfem.ElementQuad2()), intorder=5)
    unit = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, np.sqrt(0.5)], [np.sqrt(0.5), 0]]])
    matrix = np.zeros((basis.N, basis.N))
    for young, poisson in {tuple(pair) for pair in moduli}:
        part = basis.with_elements(np.flatnonzero((moduli == (young, poisson)).all(axis=1)))
        stress = linear_stress(*lame_parameters(young, poisson))

        @skfem.BilinearForm
        def energy(u, v, w, stress=stress):
            return ddot(stress(sym_grad(u)), sym_grad(v))

        matrix += energy.assemble(part).toarray()
    # Displacements of unit macro strains, and the fluctuation's basis: partners move together.
    components = np.zeros(basis.N, dtype=int)
    for table in (basis.nodal_dofs, basis.facet_dofs, basis.interior_dofs):
        components[table[1]] = 1
    x = basis.doflocs.T
    affine = np.array(
        [[strain[c] @ place for c, place in zip(components, x, strict=True)] for strain in unit]
    )
    names = {}
    together = np.zeros((basis.N, basis.N))
    for dof, (place, component) in enumerate(zip(x, components, strict=True)):
        key = (*(round((t + 0.5) % 1.0, 6) % 1.0 for t in place), component)
        together[dof, names.setdefault(key, len(names))] = 1
    together = together[:, : len(names)]
    fluctuation = np.linalg.lstsq(
        together.T @ matrix @ together, -together.T @ matrix @ affine.T, rcond=1e-12
    )[0]
    total = affine.T + together @ fluctuation
    return total.T @ matrix @ total


def plane_bulk(young, poisson):
    """Plane-strain bulk modulus and shear modulus."""
    shear = young / (2 * (1 + poisson))
    return young / (3 * (1 - 2 * poisson)) + shear / 3, shear


def bulk_bounds(fraction, matrix, fibre):
    """Reuss, Hashin's lower and upper, Voigt: of the plane-strain bulk modulus, fibres stiffer."""
    (km, gm), (kf, gf) = plane_bulk(*matrix), plane_bulk(*fibre)
    rest = 1 - fraction
    reuss = 1 / (fraction / kf + rest / km)
    lower = km + fraction / (1 / (kf - km) + rest / (km + gm))
    upper = kf + rest / (1 / (km - kf) + fraction / (kf + gf))
    return reuss, lower, upper, fraction * kf + rest * km
