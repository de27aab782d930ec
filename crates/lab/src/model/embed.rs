//! Vectors of texts: words hashed into places, so that texts that share words lie near each other.

use sha2::{Digest, Sha256};

use super::words::stems;

/// Length of every vector.
const SIZE: usize = 64;

/// The vector of a text, of length one.
pub(super) fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; SIZE];
    for word in stems(text) {
        let digest = Sha256::digest(word.as_bytes());
        let sign = if digest[1] % 2 == 0 { 1.0 } else { -1.0 };
        vector[usize::from(digest[0]) % SIZE] += sign;
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}
