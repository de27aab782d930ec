//! A typed client of a lab's control plane, for whoever drives a lab in its own process.
