//! The `wakeman` command.

fn main() {}
