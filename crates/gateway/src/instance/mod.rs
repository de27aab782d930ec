//! The instance directory: a contract with people, scripts and other programs.
