//! Text from outside to a typed value, with the place of what does not fit.
//!
//! The value's type meets its source behind a pointer (`erased_serde`): with the path kept and the source's own type spelt out, the code
//! to read each of a hundred types would be there once for every kind of source, which was a megabyte of the program.

use serde::de::{DeserializeOwned, Deserializer};
use serde_path_to_error::{Deserializer as Tracked, Path, Track};

/// What could not be read, and where: `results[3].id`, `.` for the whole.
#[derive(Debug)]
pub struct Mismatch {
    /// The place.
    pub path: Path,
    /// The reader's words; they may quote what was read.
    pub reason: String,
}

/// Reads a `T`.
///
/// # Errors
/// [`Mismatch`] at the first part that does not fit.
pub fn decode<'de, T: DeserializeOwned>(from: impl Deserializer<'de>) -> Result<T, Mismatch> {
    let mut track = Track::new();
    let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(Tracked::new(from, &mut track));
    let from: &mut dyn erased_serde::Deserializer<'de> = &mut erased;
    let read = T::deserialize(from).map_err(|error| error.to_string());
    read.map_err(|reason| Mismatch { path: track.path(), reason })
}
