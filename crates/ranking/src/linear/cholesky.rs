//! Symmetric positive definite matrices, packed by rows of the lower triangle: entry (i, j) with j ≤ i is at i(i+1)/2 + j.

/// How many numbers a packed matrix of this dimension has.
pub const fn packed_len(dim: usize) -> usize {
    dim * (dim + 1) / 2
}

/// Where row `i` starts.
const fn row(i: usize) -> usize {
    i * (i + 1) / 2
}

/// Room for one factorisation, reused.
#[derive(Debug, Clone)]
pub struct SymmetricPacked {
    dim: usize,
    values: Vec<f64>,
}

impl SymmetricPacked {
    /// Room for matrices of this dimension.
    pub fn new(dim: usize) -> Self {
        Self { dim, values: vec![0.0; packed_len(dim)] }
    }

    /// The packed numbers.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The packed numbers, to fill in.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// Takes `matrix + ridge · I`.
    pub fn load(&mut self, matrix: &[f64], ridge: f64) {
        self.values.copy_from_slice(matrix);
        for i in 0..self.dim {
            self.values[row(i) + i] += ridge;
        }
    }

    /// Replaces the matrix by its Cholesky factor L (lower, A = L Lᵀ). False, with the content lost, if it is not positive definite.
    pub fn factor(&mut self) -> bool {
        for i in 0..self.dim {
            let (done, rest) = self.values.split_at_mut(row(i));
            let line = &mut rest[..=i];
            for j in 0..i {
                let above = &done[row(j)..=row(j) + j];
                let sum = dot(&line[..j], &above[..j]);
                line[j] = (line[j] - sum) / above[j];
            }
            let pivot = line[i] - dot(&line[..i], &line[..i]);
            if pivot.is_nan() || pivot <= 0.0 || !pivot.is_finite() {
                return false;
            }
            line[i] = pivot.sqrt();
        }
        true
    }

    /// Replaces the factor L by its inverse, in place.
    fn invert_factor(&mut self) {
        for j in 0..self.dim {
            let diagonal = 1.0 / self.values[row(j) + j];
            self.values[row(j) + j] = diagonal;
            for i in (j + 1)..self.dim {
                // Rows j..i of column j are inverted already, row i is not.
                let sum: f64 = (j..i).map(|k| self.values[row(i) + k] * self.values[row(k) + j]).sum();
                self.values[row(i) + j] = -sum / self.values[row(i) + i];
            }
        }
    }

    /// Replaces the matrix by its inverse. False, with the content lost, if it is not positive definite.
    pub fn invert(&mut self) -> bool {
        if !self.factor() {
            return false;
        }
        self.invert_factor();
        // A⁻¹ = L⁻ᵀ L⁻¹: entry (i, j) needs only rows from max(i, j) on, so it can be written over row j's past.
        for i in 0..self.dim {
            for j in 0..=i {
                let sum: f64 = (i..self.dim).map(|k| self.values[row(k) + i] * self.values[row(k) + j]).sum();
                self.values[row(i) + j] = sum;
            }
        }
        true
    }

    /// `out = A x`.
    pub fn times(&self, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for i in 0..self.dim {
            let line = &self.values[row(i)..row(i) + i];
            out[i] += self.values[row(i) + i] * x[i] + dot(line, &x[..i]);
            for (o, a) in out[..i].iter_mut().zip(line) {
                *o += a * x[i];
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_times_its_matrix_is_one() {
        let dim = 7;
        let mut matrix = vec![0.0; packed_len(dim)];
        for step in 0..20_u32 {
            let x: Vec<f64> = (0..dim).map(|i| f64::from(step * 31 + u32::try_from(i).unwrap() * 17).sin()).collect();
            for i in 0..dim {
                for j in 0..=i {
                    matrix[row(i) + j] += x[i] * x[j];
                }
            }
        }
        let mut whole = SymmetricPacked::new(dim);
        whole.load(&matrix, 0.5);
        let mut inverse = whole.clone();
        assert!(inverse.invert());
        let (mut there, mut back) = (vec![0.0; dim], vec![0.0; dim]);
        for i in 0..dim {
            let unit: Vec<f64> = (0..dim).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
            whole.times(&unit, &mut there);
            inverse.times(&there, &mut back);
            assert!(back.iter().zip(&unit).all(|(a, b)| (a - b).abs() < 1e-12), "{back:?}");
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        for values in [[1.0, 2.0, 1.0], [f64::NAN, 0.0, 1.0], [0.0, 0.0, 1.0]] {
            let mut matrix = SymmetricPacked::new(2);
            matrix.load(&values, 0.0);
            assert!(!matrix.invert(), "{values:?}");
        }
    }
}
