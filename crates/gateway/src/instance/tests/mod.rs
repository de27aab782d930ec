//! Tests of the instance directory.
