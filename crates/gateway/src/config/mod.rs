//! Configuration files: parsed with the path of what is wrong.
